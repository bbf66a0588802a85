"""pyAirtable lists records: order, choice, pages."""

import pytest
from pyairtable import Table


def texts(records: list[dict]) -> list[str]:
    return [record["fields"]["text"] for record in records]


def test_only_the_named_fields_are_given(table: Table) -> None:
    assert [record["fields"] for record in table.all(fields=["text", "number"])] == [
        {"text": "alpha", "number": 1},
        {"text": "Beta", "number": 2.5},
        {"text": "gamma", "number": 10},
    ]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (["text"], ["alpha", "Beta", "gamma"]),
        (["-text"], ["gamma", "Beta", "alpha"]),
        (["-number"], ["gamma", "Beta", "alpha"]),
        (["choice"], ["alpha", "Beta", "gamma"]),
        (["day"], ["Beta", "alpha", "gamma"]),
        (["done", "-number"], ["gamma", "Beta", "alpha"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_records_are_sorted(table: Table, sort: list[str], expected: list[str]) -> None:
    assert texts(table.all(sort=sort)) == expected


def test_max_records_bounds_all_pages_together(table: Table) -> None:
    assert texts(table.all(max_records=2, page_size=1, sort=["text"])) == ["alpha", "Beta"]


def test_pages_follow_one_another(table: Table) -> None:
    table.batch_create([{"text": f"row {number:02}"} for number in range(9)])
    pages = [texts(page) for page in table.iterate(page_size=5, sort=["text"])]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert sum(pages, []) == ["alpha", "Beta", "gamma", *(f"row {number:02}" for number in range(9))]


def test_a_page_holds_100_records(table: Table) -> None:
    table.batch_create([{"text": str(number)} for number in range(98)])
    assert [len(page) for page in table.iterate()] == [100, 1]


def test_a_view_is_named_by_name_or_id(table: Table) -> None:
    assert texts(table.all(view="Björk's view", sort=["text"])) == ["alpha", "Beta", "gamma"]
    assert texts(table.all(view="viwCONF0000000101", sort=["-text"])) == ["gamma", "Beta", "alpha"]


def test_the_first_record_is_given_alone(table: Table) -> None:
    assert table.first(sort=["-text"])["fields"]["text"] == "gamma"
    assert table.first(formula="{text}='nobody'") is None


def test_cells_are_given_as_text(table: Table) -> None:
    given = table.first(sort=["text"], cell_format="string", time_zone="utc", user_locale="en-ie")["fields"]
    assert (given["text"], given["tags"], given["others"]) == ("alpha", "a, b", "one")


def test_fields_are_given_by_id(table: Table) -> None:
    given = table.first(sort=["fldCONF0000000101"], fields=["fldCONF0000000101"], use_field_ids=True)
    assert given["fields"] == {"fldCONF0000000101": "alpha"}


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"view": "Grid view"}, 3),
        ({"max_records": 2}, 2),
        ({"page_size": 1}, 3),
        ({"offset": ""}, 3),
        ({"fields": ["text", "number"]}, 3),
        ({"cell_format": "json"}, 3),
        ({"cell_format": "string", "time_zone": "Europe/Berlin", "user_locale": "de"}, 3),
        ({"sort": ["-text", "number"]}, 3),
        ({"time_zone": "utc"}, 3),
        ({"user_locale": "en-ie"}, 3),
        ({"use_field_ids": True}, 3),
        ({"count_comments": True}, 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_each_option_means_the_same_in_a_url_and_in_a_body(table: Table, options: dict, given: int) -> None:
    asked = table.all(formula="{text} != ''", **options)
    posted = table.all(formula=f"{{text}} != '{'x' * 16_000}'", **options)
    assert posted == asked and len(asked) == given


@pytest.mark.only("direct", "gateway")
def test_a_thousand_records_are_written_and_read(table: Table) -> None:
    # As one client does, who waits for each answer; most of the time is that of the limit.
    made = table.batch_create([{"text": f"row {number:04}", "number": number} for number in range(1000)])
    assert len({record["id"] for record in made}) == 1000
    found = table.all(formula="LEFT({text}, 3)='row'", sort=["-number"], fields=["number"])
    assert [record["fields"]["number"] for record in found] == list(reversed(range(1000)))


def test_a_long_formula_is_posted(table: Table) -> None:
    methods: list[str] = []
    table.api.session.hooks["response"].append(lambda answer, **_: methods.append(answer.request.method))
    formula = "OR(" + ",".join(f"{{text}}='{'x' * 30}{number}'" for number in range(400)) + ",{text}='Beta')"
    assert len(formula) > 16_000
    assert texts(table.all(formula=formula)) == ["Beta"]
    assert methods == ["POST"]
