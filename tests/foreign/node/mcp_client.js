// A Model Context Protocol client (npm @modelcontextprotocol/sdk) that knows the address of a server, and its own client ID and
// secret. Where to get a token, it has to find out. Prints each request that it made, and the answer of the tool `whoami`.
//
// usage: node mcp_client.js URL CLIENT_ID CLIENT_SECRET ISSUER

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, clientId, clientSecret, expectedIssuer] = process.argv.slice(2);
const requests = [];

const recordedFetch = async (input, init) => {
  const response = await fetch(input, init);
  const { method = 'GET', headers } = init ?? {};
  const authorization = new Headers(headers).get('authorization');
  const scheme = authorization?.split(' ')[0].toLowerCase() ?? null;
  requests.push({ method, url: String(input), scheme, status: response.status });
  return response;
};

const client = new Client({ name: 'acme-agent', version: '1.0.0' });
// The secret is given to no other authorization server than this, wherever the API leads to.
const authProvider = new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer });
const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider, fetch: recordedFetch });
try {
  await client.connect(transport);
  const tools = (await client.listTools()).tools.map((tool) => tool.name);
  const answer = await client.callTool({ name: 'whoami' });
  await client.close();
  console.log(JSON.stringify({ requests, tools, whoami: answer.content[0].text }));
} catch (error) {
  console.log(JSON.stringify({ requests, error: error.message }));
}
