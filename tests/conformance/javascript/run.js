// run.js scenarios/NAME: runs one scenario with airtable.js against AIRTABLE_ENDPOINT_URL and prints what it gave as JSON.
import assert from "node:assert/strict";
import process from "node:process";

import Airtable from "airtable";

const scenario = await import(`./${process.argv[2]}.js`);
const client = new Airtable({ noRetryIfRateLimited: true, requestTimeout: 60_000 });
const base = client.base("appCONF0000000001");
console.log(JSON.stringify((await scenario.default(base, assert)) ?? null));
