// Tokens and keys of npm jose: one line of JSON, a list of {name, issuer, algorithm, key, token}.
//
// Every algorithm, with a key that says much, little or nothing of itself. `webcrypto` is the key as
// the Web Cryptography API exports it, `private` as a careless issuer publishes it.
//
// usage: node tokens.js AUDIENCE

import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const ALGORITHMS = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
];
const audience = process.argv[2];
const made = await Promise.all(ALGORITHMS.map(casesOf));
console.log(JSON.stringify(made.flat()));

async function casesOf(algorithm) {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const bare = await exportJWK(pair.publicKey);
  const kid = `jose-${algorithm}`;
  const described = { alg: algorithm, use: 'sig', key_ops: ['verify'], kid };
  const keys = {
    bare,
    alg: { ...bare, alg: described.alg },
    use: { ...bare, use: described.use },
    key_ops: { ...bare, key_ops: described.key_ops },
    kid: { ...bare, kid },
    all: { ...bare, ...described },
    webcrypto: await crypto.subtle.exportKey('jwk', pair.publicKey),
    private: { ...(await exportJWK(pair.privateKey)), kid },
  };
  return Promise.all(
    Object.entries(keys).map(async ([name, key]) => {
      const issuer = `https://jose.example/${algorithm}/${name}`;
      const token = await sign(algorithm, issuer, key.kid, pair.privateKey);
      return { name: `jose ${algorithm} ${name}`, issuer, algorithm, key, token };
    }),
  );
}

function sign(algorithm, issuer, kid, privateKey) {
  return new SignJWT({ client_id: 'machine' })
    .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', ...(kid && { kid }) })
    .setIssuer(issuer)
    .setSubject('machine')
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(privateKey);
}
