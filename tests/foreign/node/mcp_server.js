// A Model Context Protocol server (npm @modelcontextprotocol/sdk) on a free port of loopback, without any authentication of its
// own: its tool `whoami` answers who the proxy before it says the caller is.
//
// usage: node mcp_server.js

import express from 'express';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

const app = express();
app.use(express.json());

// Without sessions: each request is answered by a server of its own.
app.post('/mcp', async (request, response) => {
  const server = new McpServer({ name: 'acme', version: '1.0.0' });
  server.registerTool('whoami', { description: 'The caller.' }, () => ({
    content: [{ type: 'text', text: request.get('x-jwt-client-id') ?? 'unknown' }],
  }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
// The client asks for a stream of notifications, which this server does not have.
app.all('/mcp', (request, response) => response.status(405).set('allow', 'POST').end());

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
