// A thousand records by tens: created, read page by page, updated and destroyed.
const tens = (all) => Array.from({ length: all.length / 10 }, (_, ten) => all.slice(ten * 10, ten * 10 + 10));

export default async (base, assert) => {
  const table = base("Everything");
  const before = (await table.select().all()).length;
  const fields = Array.from({ length: 1000 }, (_, row) => ({ fields: { text: `row ${row}`, number: row } }));
  const made = [];
  for (const ten of tens(fields)) {
    made.push(...(await table.create(ten)));
  }
  assert.deepEqual(made.map((record) => record.get("number")), fields.map((record) => record.fields.number));
  assert.equal((await table.select().all()).length, before + 1000);
  for (const ten of tens(made)) {
    await table.update(ten.map((record) => ({ id: record.getId(), fields: { number: -record.get("number") } })));
  }
  const changed = await table.select({ filterByFormula: "{number} < 0", fields: ["number"] }).all();
  assert.equal(changed.length, 999);
  for (const ten of tens(made)) {
    await table.destroy(ten.map((record) => record.getId()));
  }
  assert.equal((await table.select().all()).length, before);
  return changed.map((record) => record._rawJson);
};
