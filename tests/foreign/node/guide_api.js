// An API as Scalekit's guide for customers' applications describes one, on a free port of loopback:
// each request below /api needs a bearer token that jsonwebtoken verifies with a key from jwks-rsa.
// With `open` the same API asks for nothing, and takes the caller's name from a header that the proxy before it sets.
//
// usage: node guide_api.js protected ISSUER AUDIENCE | open

import express from 'express';
import jsonwebtoken from 'jsonwebtoken';
import jwksRsa from 'jwks-rsa';

const [mode, issuer, audience] = process.argv.slice(2);
const api = express();
if (mode === 'protected') api.use('/api', tokenRequired());
api.get('/api/data', (request, response) => {
  const userId = mode === 'protected' ? request.claims.sub : request.get('x-jwt-sub');
  response.json({ message: 'welcome', userId });
});
const server = api.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

function tokenRequired() {
  const keys = jwksRsa({ jwksUri: `${issuer}/keys` });
  const findKey = ({ kid }, done) =>
    keys.getSigningKey(kid).then(
      (key) => done(null, key.getPublicKey()),
      (problem) => done(problem),
    );
  // What the guide's text asks to be validated: signature, issuer, audience, expiration.
  const checks = { algorithms: ['RS256'], issuer, audience };

  return (request, response, next) => {
    const [scheme, token] = (request.get('authorization') ?? '').split(' ');
    if (scheme !== 'Bearer' || token === undefined) {
      return response.status(401).json({ error: 'Missing authorization token' });
    }
    jsonwebtoken.verify(token, findKey, checks, (problem, claims) => {
      if (problem) {
        return response.status(401).json({ error: 'Invalid token', details: problem.message });
      }
      request.claims = claims;
      next();
    });
  };
}
