// Update keeps and replace clears what is not named; singly, several, and through the record.
export default async (base, assert) => {
  const table = base("Everything");
  const updated = await table.update("recCONF0000000101", { number: 4 });
  assert.equal(updated.get("choice"), "b");
  const replaced = await table.replace("recCONF0000000101", { text: "alone" });
  assert.equal(replaced.get("choice"), undefined);
  const several = await table.update([
    { id: "recCONF0000000102", fields: { number: 5 } },
    { id: "recCONF0000000103", fields: { number: 6 } },
  ]);
  assert.deepEqual(several.map((record) => record.get("doubled")), [10, 12]);
  const cleared = await table.replace([{ id: "recCONF0000000102", fields: { text: "only" } }]);
  assert.equal(cleared[0].get("number"), undefined);
  const record = await table.find("recCONF0000000103");
  await record.patchUpdate({ note: "by the record" });
  assert.equal(record.get("note"), "by the record");
  return [updated, replaced, ...several, ...cleared, record].map((each) => each._rawJson);
};
