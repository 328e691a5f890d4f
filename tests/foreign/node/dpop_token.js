// A token of issuer.js that is bound to a key of its client (RFC 9449).
//
// usage: node dpop_token.js ISSUER

import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const endpoint = `${process.argv[2]}/oauth/token`;
const { privateKey, publicKey } = await generateKeyPair('ES256');
const proof = await new SignJWT({ htm: 'POST', htu: endpoint, jti: randomUUID() })
  .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
  .setIssuedAt()
  .sign(privateKey);
const answer = await fetch(endpoint, {
  method: 'POST',
  headers: { dpop: proof },
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: 'machine',
    client_secret: 'machine-secret',
    resource: 'https://api.example/RS256',
  }),
});
console.log(JSON.stringify(await answer.json()));
