// An OpenID provider (npm oidc-provider) for one machine client, on a free port of loopback.
//
// A resource names the token that is wanted: `https://api.example/ES256` gets a JWT signed with
// ES256; `?audience=`, `?ttl=` and `?format=opaque` change its audience, its life, its form.
// `POST /test/keys` with {"kids": {"RS256": "a", ...}, "keep": true} replaces the signing keys as an
// operator would: the provider starts anew with other keys, at once and at the same address.

import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];

let keys = [];
let answer = () => {};

const server = createServer(async (request, response) => {
  if (request.url !== '/test/keys') return answer(request, response);
  let body = '';
  for await (const part of request) body += part;
  const { kids, keep } = JSON.parse(body);
  await restart(kids, keep);
  response.end();
});

server.listen(0, '127.0.0.1', async () => {
  await restart({ RS256: 'first-RS256', ES256: 'first-ES256', EdDSA: 'first-EdDSA' }, false);
  console.log(origin());
});

function origin() {
  return `http://127.0.0.1:${server.address().port}`;
}

async function restart(kids, keep) {
  const made = await Promise.all(ALGORITHMS.map((alg) => makeKey(alg, kids[alg])));
  // The provider signs with the first key that fits, so the new ones stand before the old.
  keys = keep ? [...made, ...keys] : made;
  answer = new Provider(origin(), configuration()).callback();
}

async function makeKey(alg, kid) {
  const options = { extractable: true, ...(alg === 'EdDSA' && { crv: 'Ed25519' }) };
  const { privateKey } = await generateKeyPair(alg, options);
  return { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' };
}

function configuration() {
  return {
    routes: { token: '/oauth/token', jwks: '/keys' },
    scopes: ['read', 'write'],
    jwks: { keys },
    clients: [
      {
        client_id: 'machine',
        client_secret: 'machine-secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope: 'read write',
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => resourceServer(new URL(resource)),
      },
    },
  };
}

function resourceServer(resource) {
  const wanted = resource.searchParams;
  return {
    scope: 'read write',
    audience: wanted.get('audience') ?? 'api.example',
    accessTokenTTL: Number(wanted.get('ttl') ?? 600),
    accessTokenFormat: wanted.get('format') ?? 'jwt',
    jwt: { sign: { alg: resource.pathname.slice(1) } },
  };
}
