// One record by its id, in a table with an odd name too.
export default async (base, assert) => {
  const found = await base("Everything").find("recCONF0000000101");
  assert.equal(found.get("text"), "alpha");
  const odd = await base("Ta/ble é 😀 x").find("recCONF0000000301");
  assert.deepEqual(odd.fields, { "Nâme/with slash {brace}": "odd", "100 %": 100 });
  return [found._rawJson, odd._rawJson];
};
