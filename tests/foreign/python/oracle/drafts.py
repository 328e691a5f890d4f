"""A token while it is being made: its parts as text, and what is done to each part on the way to the compact form."""

import json

from keys import b64
from policy import AUDIENCES

MUTATIONS = []


class Mutation:
    """A change of a draft. Of one group, a token has one mutation at most. `algorithms` are the beginnings of the names of
    the algorithms that it is for. `edge`: the result depends on the second in which the token is judged."""

    def __init__(self, name, group, algorithms, edge, change):
        self.name, self.group, self.algorithms, self.edge, self.change = name, group, algorithms, edge, change

    def suits(self, algorithm):
        return algorithm.startswith(self.algorithms)


def variants(group, table, algorithms=("",), edge=False):
    """Registers one mutation for each entry of a table of functions."""
    for name, change in table.items():
        MUTATIONS.append(Mutation(name, group, tuple(algorithms), edge, change))


class Draft:
    """Header and claims are lists of (name, value), both as JSON text, so that any text can be written into them."""

    def __init__(self, policy, realm, algorithm, now, rng):
        self.policy, self.realm, self.algorithm, self.now, self.rng = policy, realm, algorithm, now, rng
        self.key, kid = realm.signers[algorithm]
        self.header = [('"alg"', quoted(algorithm)), ('"typ"', quoted(rng.choice(["JWT", "at+jwt"])))]
        if kid is not None:
            self.header.append(('"kid"', quoted(kid)))
        self.claims = [
            ('"iss"', quoted(realm.issuer)),
            ('"sub"', '"machine"'),
            ('"aud"', json.dumps([AUDIENCES[0]])),
            ('"client_id"', '"machine"'),
            ('"iat"', str(now - 60)),
            ('"exp"', str(now + 3600)),
            ('"jti"', quoted(f"{rng.getrandbits(64):016x}")),
        ]
        self.after = {"header": [], "claims": [], "segments": [], "token": []}
        self.signer = None

    # === what mutations use ===

    def put(self, part, name, value):
        """Sets a member to this JSON text, in its place if it is there."""
        members, name = getattr(self, part), quoted(name)
        if any(own == name for own, _ in members):
            setattr(self, part, [(own, value if own == name else old) for own, old in members])
        else:
            members.append((name, value))

    def drop(self, part, name):
        members = [(own, value) for own, value in getattr(self, part) if own != quoted(name)]
        setattr(self, part, members)

    def get(self, part, name):
        return next((value for own, value in getattr(self, part) if own == quoted(name)), None)

    def then(self, part, change):
        """Changes the bytes of the header or claims, the three segments, or the finished token."""
        self.after[part].append(change)

    # === rendering ===

    def render(self):
        header = self.run("header", text(self.header).encode())
        claims = self.run("claims", text(self.claims).encode())
        message = f"{b64(header)}.{b64(claims)}".encode()
        sign = self.signer or (lambda message: self.key.sign(self.algorithm, message, self.rng))
        segments = self.run("segments", [b64(header), b64(claims), b64(sign(message))])
        return self.run("token", ".".join(segments))

    def run(self, part, value):
        for change in self.after[part]:
            value = change(value)
        return value

    def signature_of(self, segments):
        """The signature of changed segments, as if the issuer itself had written them so."""
        message = f"{segments[0]}.{segments[1]}".encode()
        return b64(self.key.sign(self.algorithm, message, self.rng))


def quoted(value):
    return json.dumps(value)


def text(members):
    return "{" + ",".join(f"{name}:{value}" for name, value in members) + "}"
