// A token of issuer.js that is bound to a key of its client (RFC 9449), and proofs for one request: some good, and one for
// each way to be wrong.
//
// usage: node dpop_proofs.js ISSUER URL

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { base64url, exportJWK, generateKeyPair, SignJWT } from 'jose';

const [issuer, url] = process.argv.slice(2);
const endpoint = `${issuer}/oauth/token`;
const own = await generateKeyPair('ES256', { extractable: true });
const other = await generateKeyPair('ES256', { extractable: true });
const jwk = await exportJWK(own.publicKey);

const sign = (claims, header = {}, key = own.privateKey) =>
  new SignJWT({ jti: randomUUID(), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .setIssuedAt(claims.iat)
    .sign(key);

const answer = await fetch(endpoint, {
  method: 'POST',
  headers: { dpop: await sign({ htm: 'POST', htu: endpoint }) },
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: 'machine',
    client_secret: 'machine-secret',
    resource: 'https://api.example/RS256',
  }),
});
const token = (await answer.json()).access_token;
const hash = (text) => base64url.encode(createHash('sha256').update(text).digest());
const claims = { htm: 'GET', htu: url, ath: hash(token) };
const seconds = Math.floor(Date.now() / 1000);

console.log(
  JSON.stringify({
    token,
    good: [await sign(claims), await sign(claims), await sign({ ...claims, htu: `${url}?query` })],
    wrong: {
      typ: await sign(claims, { typ: 'JWT' }),
      alg: await sign(claims, { alg: 'HS256' }, randomBytes(32)),
      'another jwk': await sign(claims, { jwk: await exportJWK(other.publicKey) }),
      'a private jwk': await sign(claims, { jwk: await exportJWK(own.privateKey) }),
      'another key': await sign(claims, {}, other.privateKey),
      htm: await sign({ ...claims, htm: 'POST' }),
      htu: await sign({ ...claims, htu: `${url}/other` }),
      'an old iat': await sign({ ...claims, iat: seconds - 600 }),
      'an iat ahead': await sign({ ...claims, iat: seconds + 600 }),
      ath: await sign({ ...claims, ath: hash('other') }),
      'no ath': await sign({ htm: 'GET', htu: url }),
      'no jti': await sign({ ...claims, jti: undefined }),
    },
  }),
);
