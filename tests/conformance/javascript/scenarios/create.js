// One record, several, and with typecast.
export default async (base, assert) => {
  const table = base("Everything");
  const one = await table.create({ text: "one", number: 1.5, tags: ["a"], done: true });
  assert.equal(one.get("doubled"), 3);
  assert.match(one.getId(), /^rec[A-Za-z0-9]{14}$/);
  const many = await table.create(Array.from({ length: 10 }, (_, row) => ({ fields: { text: `row ${row}` } })));
  assert.equal(many.length, 10);
  const cast = await table.create({ text: "cast", choice: "brand new", number: "7" }, { typecast: true });
  assert.deepEqual([cast.get("choice"), cast.get("number")], ["brand new", 7]);
  return [one, ...many, cast].map((record) => record._rawJson);
};
