"""pyAirtable reads cells that Airtable computes, and the schema of their fields."""

import pytest
from pyairtable import Base, Table

A, B, C = "recCONF0000000401", "recCONF0000000402", "recCONF0000000403"
BOLT, NUT, WHEEL = "recCONF0000000501", "recCONF0000000502", "recCONF0000000503"
EVE = {"id": "usrCONF0000000002", "email": "eve@example.com", "name": "Eve"}
OPERATIONS = {"id": "usrCONF0000000001", "email": "ops@example.com", "name": "Operations"}


@pytest.fixture
def projects(base: Base) -> Table:
    return base.table("Projects")


def cells(projects: Table, record: str, *names: str) -> list:
    fields = projects.get(record)["fields"]
    return [fields.get(name) for name in names]


def test_what_follows_a_link_is_computed(projects: Table) -> None:
    assert cells(projects, A, "part count", "prices", "total", "taxed") == [2, [0.5, 2], 2.5, 3.75]
    assert cells(projects, A, "label") == ["A: bolt, nut, big"]
    assert cells(projects, C, "part count", "prices", "total", "taxed") == [0, None, 0, 0]


def test_errors_and_strange_numbers_are_told_as_objects(projects: Table) -> None:
    assert cells(projects, A, "broken", "strange") == [{"error": "#ERROR!"}, {"specialValue": "NaN"}]


def test_people_times_and_numbers_are_filled_in(projects: Table) -> None:
    assert cells(projects, A, "owner", "team", "maker", "changer") == [EVE, [OPERATIONS, EVE], OPERATIONS, OPERATIONS]
    assert cells(projects, A, "press", "number", "made") == [{"label": "press", "url": None}, 1, "2026-01-05"]


def test_a_change_of_the_linked_record_is_seen(base: Base, projects: Table) -> None:
    base.table("Parts").update(BOLT, {"price": 10})
    assert cells(projects, A, "prices", "total", "taxed") == [[10, 2], 12, 18]
    assert base.table("Parts").get(NUT)["fields"]["project total"] == [12]


def test_links_are_kept_on_both_sides_and_forget_the_deleted(base: Base, projects: Table) -> None:
    parts = base.table("Parts")
    parts.update(WHEEL, {"project": [A]})
    assert cells(projects, A, "parts") == [[BOLT, NUT, WHEEL]]
    assert cells(projects, B, "parts", "total") == [None, 0]
    parts.delete(BOLT)
    assert cells(projects, A, "parts", "total") == [[NUT, WHEEL], 42]


def test_a_link_within_a_table_has_two_sides(projects: Table) -> None:
    assert cells(projects, A, "after", "before") == [[B], None]
    projects.update(C, {"before": [C]})
    assert cells(projects, C, "before", "after") == [[C], [C]]
    projects.delete(A)
    assert cells(projects, B, "before", "after") == [None, None]


def test_only_a_watched_field_moves_the_last_change(projects: Table) -> None:
    (before,) = cells(projects, A, "changed")
    projects.update(A, {"stars": 1})
    assert cells(projects, A, "changed") == [before]
    projects.update(A, {"code": "AA"})
    assert cells(projects, A, "changed") != [before]


@pytest.mark.parametrize("formula", ["{total} = 2.5", "SUM({prices}) = 2.5", "FIND('bolt', {parts})", "{owner} = 'Eve'", "{taxed} > 3"])
def test_filters_see_what_is_computed(projects: Table, formula: str) -> None:
    found = projects.all(formula=f"AND({formula}, {{code}} = 'A')")
    assert [record["id"] for record in found] == [A]


def test_lists_are_sorted_by_what_is_computed(projects: Table) -> None:
    assert [record["id"] for record in projects.all(sort=["-total"])] == [B, A, C]


def test_computed_fields_tell_what_they_are(projects: Table) -> None:
    schema = projects.schema()
    taxed = schema.field("taxed").options
    assert (taxed.formula, taxed.is_valid) == ("ROUND({fldCONF0000000405} * 1.5, 2)", True)
    assert (taxed.referenced_field_ids, taxed.result.type) == (["fldCONF0000000405"], "currency")
    prices = schema.field("prices").options
    assert (prices.is_valid, prices.result.type, prices.result.options.symbol) == (True, "currency", "€")
    total = schema.field("total").options
    assert (total.is_valid, total.referenced_field_ids, total.result.type) == (True, ["fldCONF0000000402"], "currency")
    assert schema.field("part count").options.is_valid
    assert schema.field("changed").options.result.type == "dateTime"


def test_a_new_formula_is_used_at_once(projects: Table) -> None:
    field = projects.schema().field("taxed")
    projects.api.patch(field._url, json={"options": {"formula": "{total} & ' €'"}})
    options = projects.schema(force=True).field("taxed").options
    assert (options.formula, options.result.type) == ("{fldCONF0000000405} & ' €'", "singleLineText")
    assert cells(projects, A, "taxed") == ["2.5 €"]
