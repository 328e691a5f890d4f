// Judges the tokens of a folder with npm jose, and writes jose.jsonl: one {accepted, error} per token.
//
// usage: node oracle.js FOLDER

import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';

// The `typ` values that accredit accepts by default. jose compares one at a time.
const TYPES = ['JWT', 'at+jwt'];

const folder = process.argv[2];
const policy = JSON.parse(readFileSync(join(folder, 'policy.json'), 'utf8'));
const issuers = new Map(policy.issuers.map((issuer) => [issuer.issuer, judgeOf(issuer)]));
const judged = [];
let accepted = 0;
for await (const line of createInterface({ input: createReadStream(join(folder, 'tokens.jsonl')) })) {
  const { token: sent, issuer } = JSON.parse(line);
  // White space around the value of a header belongs to HTTP, not to the token.
  const token = sent.replace(/^[ \t]+|[ \t]+$/g, '');
  const judge = issuers.get(issuerOf(token)) ?? issuers.get(issuer);
  const error = await judge(token);
  accepted += error === null;
  judged.push(JSON.stringify({ accepted: error === null, error }));
}
writeFileSync(join(folder, 'jose.jsonl'), `${judged.join('\n')}\n`);
console.log(JSON.stringify({ tokens: judged.length, accepted }));

function judgeOf({ issuer, algorithms, keys }) {
  const keySet = createLocalJWKSet({ keys });
  const options = {
    issuer,
    algorithms,
    audience: policy.audiences,
    requiredClaims: ['exp', ...policy.required],
    clockTolerance: policy.skew,
    currentDate: new Date(policy.now * 1000),
  };
  return async (token) => {
    // accredit accepts a token without `typ`. jose does so only if it is not asked for a type.
    const types = hasType(token) ? TYPES : [undefined];
    const problems = [];
    for (const typ of types) {
      const problem = await attempt(token, keySet, { ...options, typ });
      if (problem === null) {
        return null;
      }
      problems.push(problem);
    }
    return problems.find((problem) => !problem.includes('"typ"')) ?? problems[0];
  };
}

async function attempt(token, keySet, options) {
  try {
    await jwtVerify(token, keySet, options);
    return null;
  } catch (error) {
    // jose leaves it to its caller to try the keys, if several can be meant.
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      return ofEachKey(token, error, options);
    }
    return `${error.code ?? error.name}: ${error.message}`;
  }
}

async function ofEachKey(token, keys, options) {
  const problems = [];
  for await (const key of keys) {
    const problem = await attempt(token, key, options);
    if (problem === null) {
      return null;
    }
    problems.push(problem);
  }
  // What the right key led to, if a key was the right one.
  return problems.find((problem) => !problem.includes('SIGNATURE')) ?? problems[0] ?? 'no key';
}

function hasType(token) {
  try {
    return decodeProtectedHeader(token).typ !== undefined;
  } catch {
    return false;
  }
}

function issuerOf(token) {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}
