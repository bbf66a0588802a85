// A formula too long for a URL goes by POST, with time zone and locale.
export default async (base, assert) => {
  const names = Array.from({ length: 600 }, (_, number) => `{text} = '${"x".repeat(20)}${number}'`);
  const filterByFormula = `OR(${[...names, "{text} = 'Beta'"].join(", ")})`;
  assert.ok(filterByFormula.length > 16_000);
  const options = { filterByFormula, timeZone: "Europe/Berlin", userLocale: "de", cellFormat: "string" };
  const found = await base("Everything").select(options).all();
  assert.deepEqual(found.map((record) => record.get("text")), ["Beta"]);
  return found.map((record) => record.get("text"));
};
