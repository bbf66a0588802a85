// client.js: an MCP client which starts server.js. It prints the server's tools on one line; then it reads a call as JSON from each
// line of its input, {"name", "arguments"}, and prints the result on one line.
import process from "node:process";
import { createInterface } from "node:readline";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const client = new Client({ name: "conformance", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command: process.execPath, args: ["server.js"], env: process.env }));
const print = (value) => console.log(JSON.stringify(value));

print((await client.listTools()).tools);
for await (const line of createInterface({ input: process.stdin })) print(await client.callTool(JSON.parse(line)));
await client.close();
