// server.js: airtable-mcp-server on stdio, over AIRTABLE_ENDPOINT_URL with AIRTABLE_API_KEY.
import process from "node:process";

import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { AirtableService, createServer } from "airtable-mcp-server";

const { AIRTABLE_API_KEY, AIRTABLE_ENDPOINT_URL } = process.env;
// It knows one host for uploads alone. What DNS does in a cluster, the fetch does here that it takes.
const fetchHere = (url, options) => fetch(url.replace("https://content.airtable.com", AIRTABLE_ENDPOINT_URL), options);
const airtableService = new AirtableService(AIRTABLE_API_KEY, AIRTABLE_ENDPOINT_URL, fetchHere);
await createServer({ airtableService }).connect(new StdioServerTransport());
