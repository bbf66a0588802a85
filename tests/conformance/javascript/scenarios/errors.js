// What airtable.js makes of refusals.
import Airtable from "airtable";

export default async (base, assert) => {
  const table = base("Everything");
  const refusal = async (promise) => {
    const error = await promise.then(() => assert.fail("it was accepted"), (error) => error);
    return [error.statusCode, error.error, error.message];
  };
  const stranger = new Airtable({ apiKey: "wrong" }).base("appCONF0000000001");
  const refusals = {
    key: await refusal(stranger("Everything").find("recCONF0000000101")),
    base: await refusal(new Airtable().base("appOTHER000000001")("Everything").select().firstPage()),
    record: await refusal(table.find("recCONF0000000999")),
    id: await refusal(table.find("nonsense")),
    field: await refusal(table.create({ nofield: 1 })),
    formula: await refusal(table.select({ filterByFormula: "AND(1," }).all()),
    many: await refusal(table.create(Array.from({ length: 11 }, () => ({ fields: {} })))),
  };
  const outline = Object.entries(refusals).map(([name, [status, kind]]) => [name, status, kind]);
  assert.deepEqual(outline, [
    ["key", 401, "AUTHENTICATION_REQUIRED"],
    ["base", 403, "NOT_AUTHORIZED"],
    ["record", 403, "NOT_AUTHORIZED"],
    ["id", 404, "NOT_FOUND"],
    ["field", 422, "UNKNOWN_FIELD_NAME"],
    ["formula", 422, "INVALID_FILTER_BY_FORMULA"],
    ["many", 422, "INVALID_RECORDS"],
  ]);
  return refusals;
};
