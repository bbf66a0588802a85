// One record, several, and through the record.
export default async (base, assert) => {
  const table = base("Everything");
  const gone = await table.destroy("recCONF0000000101");
  assert.equal(gone.getId(), "recCONF0000000101");
  const many = await table.create(Array.from({ length: 10 }, (_, row) => ({ fields: { text: `row ${row}` } })));
  const several = await table.destroy(many.map((record) => record.getId()));
  assert.deepEqual(several.map((record) => record.getId()), many.map((record) => record.getId()));
  const record = await table.find("recCONF0000000102");
  await record.destroy();
  const left = await table.select().all();
  assert.deepEqual(left.map((each) => each.getId()), ["recCONF0000000103"]);
  return [gone.getId(), several.length];
};
