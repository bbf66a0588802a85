// First page, each page and all, with sort, formula and view.
export default async (base, assert) => {
  const table = base("Everything");
  const texts = (records) => records.map((record) => record.get("text"));
  await table.create(Array.from({ length: 5 }, (_, row) => ({ fields: { text: `row ${row}`, number: row } })));

  const sort = [{ field: "text", direction: "desc" }];
  const first = await table.select({ sort, pageSize: 3 }).firstPage();
  assert.deepEqual(texts(first), ["row 4", "row 3", "row 2"]);

  const pages = [];
  await table.select({ sort, pageSize: 3, view: "Björk's view" }).eachPage((records, next) => {
    pages.push(texts(records));
    next();
  });
  assert.deepEqual(pages.map((page) => page.length), [3, 3, 2]);

  const formula = "AND({number} >= 2, NOT({choice}))";
  const all = await table.select({ filterByFormula: formula, sort: [{ field: "number" }], fields: ["text"] }).all();
  assert.deepEqual(texts(all), ["row 2", "row 3", "row 4"]);
  const most = await table.select({ maxRecords: 2, sort }).all();
  assert.equal(most.length, 2);
  return [texts(first), pages, all.map((record) => record._rawJson)];
};
