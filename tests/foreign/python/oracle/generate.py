"""Writes tokens for three judges: accredit, npm jose and PyPI joserfc. The same seed, clock and count give the same bytes.

Into FOLDER: policy.json, what the judges accept; tokens.jsonl, one token per line. A token is text in which each
character is one byte of the `Authorization` header. First comes each mutation with each algorithm that it suits, then
tokens with no, one or two mutations at random.

usage: generate.py FOLDER COUNT SEED NOW
"""

import itertools
import json
import pathlib
import random
import sys

import in_claims  # noqa: F401  registers its mutations
import in_header  # noqa: F401
import in_signature  # noqa: F401
import in_text  # noqa: F401
from drafts import MUTATIONS, Draft
from policy import ALGORITHMS, Policy


def singles(policy, seed):
    """Each mutation with each algorithm, in an order without system, so that a short run has some of each kind."""
    plans = [(policy.main, name, [m]) for m in MUTATIONS for name in ALGORITHMS if m.suits(name)]
    random.Random(f"order {seed}").shuffle(plans)
    # One of each mutation comes before the second of any.
    first, rest, found = [], [], set()
    for plan in plans:
        name = plan[2][0].name
        (rest if name in found else first).append(plan)
        found.add(name)
    shapes = [(realm, next(iter(realm.signers)), []) for realm in policy.shapes.values()]
    # Plans for tokens at random stand between the rest, so that a short run has them too.
    return shapes + first + [plan for single in rest for plan in (None, single)]


def at_random(policy, rng):
    realms = [policy.main, policy.without_kid, policy.same_kid, policy.narrow, rng.choice([*policy.shapes.values()])]
    realm = rng.choices(realms, [50, 18, 12, 8, 12])[0]
    algorithm = rng.choice(list(realm.signers))
    suitable = [m for m in MUTATIONS if m.suits(algorithm)]
    chosen = {}
    for m in rng.choices(suitable, k=rng.choices([0, 1, 2], [15, 45, 40])[0]):
        chosen.setdefault(m.group, m)
    return realm, algorithm, list(chosen.values())


def main(folder, count, seed, now):
    policy = Policy(seed)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.json").write_text(json.dumps(policy.as_json() | {"now": now}))
    planned = singles(policy, seed)
    with (folder / "tokens.jsonl").open("w") as out:
        for number, plan in enumerate(itertools.chain(planned, itertools.repeat(None))):
            if number == count:
                break
            rng = random.Random(f"{seed} {number}")
            realm, algorithm, mutations = plan or at_random(policy, rng)
            draft = Draft(policy, realm, algorithm, now, rng)
            for m in mutations:
                m.change(draft)
            line = {
                "number": number,
                "issuer": realm.issuer,
                "algorithm": algorithm,
                "mutations": [m.name for m in mutations],
                "edge": any(m.edge for m in mutations),
                "token": draft.render(),
            }
            out.write(json.dumps(line) + "\n")
    print(json.dumps({"tokens": count, "mutations": len(MUTATIONS), "planned": len(planned)}))


main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
