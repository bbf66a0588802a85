"""pyAirtable writes and reads records."""

import pyairtable
from pyairtable import Table

ALPHA, BETA, GAMMA = (f"recCONF0000000{number}" for number in (101, 102, 103))
ONE, TWO = "recCONF0000000201", "recCONF0000000202"


def test_a_created_record_is_found_as_it_was_written(table: Table) -> None:
    fields = {
        "text": "ðelta ✓ \"quoted\"",
        "note": "two\nlines",
        "number": -0.25,
        "done": True,
        "choice": "a",
        "tags": ["c", "a"],
        "day": "2026-11-21",
        "moment": "2026-11-21T09:00:00.000Z",
        "mail": "delta@example.com",
        "price": 12.5,
        "others": [TWO],
    }
    made = table.create(fields)
    found = table.get(made["id"])
    assert {name: found["fields"][name] for name in fields} == fields
    assert found["fields"]["doubled"] == -0.5
    assert found["fields"]["serial"] == 4
    assert found["fields"]["created"] == found["createdTime"]
    assert found == made


def test_empty_cells_are_left_out(table: Table) -> None:
    made = table.create({"text": "empty", "note": "", "done": False, "tags": [], "number": None, "others": []})
    assert set(made["fields"]) == {"text", "doubled", "created", "serial"}
    assert table.create({"number": 0})["fields"]["number"] == 0


def test_a_batch_of_25_is_created_in_order(table: Table) -> None:
    texts = [f"row {number:02}" for number in range(25)]
    made = table.batch_create([{"text": text} for text in texts])
    assert [record["fields"]["text"] for record in made] == texts
    assert [record["id"] for record in table.all(fields=["text"])[3:]] == [record["id"] for record in made]


def test_an_update_changes_only_what_it_names(table: Table) -> None:
    changed = table.update(ALPHA, {"number": 7, "note": "new"})
    assert changed["fields"]["note"] == "new"
    assert changed["fields"]["doubled"] == 14
    assert changed["fields"]["tags"] == ["a", "b"]


def test_a_replacement_clears_what_it_does_not_name(table: Table) -> None:
    changed = table.update(ALPHA, {"text": "alone"}, replace=True)
    assert set(changed["fields"]) == {"text", "doubled", "created", "serial"}


def test_a_batch_is_updated_and_replaced(table: Table) -> None:
    updates = [{"id": ALPHA, "fields": {"number": 11}}, {"id": BETA, "fields": {"number": 12}}]
    assert [record["fields"]["text"] for record in table.batch_update(updates)] == ["alpha", "Beta"]
    replaced = table.batch_update(updates, replace=True)
    assert [record["fields"].get("text") for record in replaced] == [None, None]
    assert [record["fields"]["number"] for record in replaced] == [11, 12]


def test_an_upsert_updates_what_matches_and_creates_the_rest(table: Table) -> None:
    rows = [{"fields": {"text": "alpha", "number": 5}}, {"fields": {"text": "new", "number": 6}}]
    result = table.batch_upsert(rows, key_fields=["text"])
    assert result["updatedRecords"] == [ALPHA]
    assert result["createdRecords"] == [result["records"][1]["id"]]
    assert result["records"][0]["fields"]["choice"] == "b"
    again = table.batch_upsert(rows, key_fields=["text"])
    assert again["createdRecords"] == []
    assert len(table.all()) == 4


def test_an_upsert_may_replace_and_may_name_ids(table: Table) -> None:
    rows = [{"id": BETA, "fields": {"number": 1}}, {"fields": {"text": "gamma", "number": 3}}]
    result = table.batch_upsert(rows, key_fields=["text", "number"], replace=True)
    assert result["updatedRecords"] == [BETA]
    assert "text" not in result["records"][0]["fields"]
    assert len(result["createdRecords"]) == 1


def test_a_deleted_record_leaves_the_links_to_it(base: pyairtable.Base, table: Table) -> None:
    assert table.get(ALPHA)["fields"]["others"] == [ONE]
    assert base.table("Others").delete(ONE) == {"id": ONE, "deleted": True}
    assert "others" not in table.get(ALPHA)["fields"]


def test_a_link_shows_on_both_sides(base: pyairtable.Base, table: Table) -> None:
    table.update(GAMMA, {"others": [TWO, ONE]})
    assert base.table("Others").get(ONE)["fields"]["everything"] == [ALPHA, GAMMA]


def test_a_batch_of_12_is_deleted(table: Table) -> None:
    made = table.batch_create([{"text": str(number)} for number in range(12)])
    deleted = table.batch_delete([record["id"] for record in made])
    assert deleted == [{"id": record["id"], "deleted": True} for record in made]
    assert len(table.all()) == 3


def test_typecast_makes_values_of_texts(table: Table, base: pyairtable.Base) -> None:
    cast = {"number": "1.5", "done": "true", "choice": "brand new", "tags": "a, fresh", "day": "2026-03-04", "others": "three"}
    made = table.create({"text": "cast", **cast}, typecast=True)["fields"]
    assert (made["number"], made["done"], made["choice"], made["day"]) == (1.5, True, "brand new", "2026-03-04")
    assert made["tags"] == ["a", "fresh"]
    assert base.table("Others").get(made["others"][0])["fields"]["name"] == "three"
    choices = base.table("Everything").schema().field("choice").options.choices
    assert [choice.name for choice in choices] == ["b", "a", "c", "brand new"]


def test_a_table_may_be_named_by_its_id_and_fields_by_theirs(base: pyairtable.Base) -> None:
    table = base.table("tblCONF0000000001")
    made = table.create({"fldCONF0000000101": "by id"}, use_field_ids=True)
    assert made["fields"]["fldCONF0000000101"] == "by id"
    assert table.get(made["id"])["fields"]["text"] == "by id"


def test_a_name_with_slash_accent_blank_and_emoji_is_a_table(base: pyairtable.Base) -> None:
    table = base.table("Ta/ble é 😀 x")
    made = table.create({"Nâme/with slash {brace}": "ünï/çode", "100 %": 5})
    assert table.get(made["id"])["fields"] == {"Nâme/with slash {brace}": "ünï/çode", "100 %": 5}
    assert [record["fields"]["100 %"] for record in table.all(sort=["-100 %"])] == [100, 5]
    assert table.delete(made["id"])["deleted"]
