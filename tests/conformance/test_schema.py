"""pyAirtable reads and changes the schema."""

from pyairtable import Api, Base


def test_whoami_tells_the_user(api: Api) -> None:
    assert api.whoami() == {"id": "usrCONF0000000001", "email": "ops@example.com"}


def test_the_base_is_listed(api: Api) -> None:
    assert [(base.id, base.name, base.permission_level) for base in api.bases()] == [("appCONF0000000001", "Conformance", "create")]


def test_the_tables_are_those_of_the_base(base: Base) -> None:
    tables = base.schema().tables
    assert [table.name for table in tables] == ["Everything", "Others", "Ta/ble é 😀 x", "Projects", "Parts"]
    everything = tables[0]
    assert everything.primary_field_id == "fldCONF0000000101"
    assert [view.name for view in everything.views] == ["Grid view", "Björk's view"]
    assert everything.field("others").options.linked_table_id == "tblCONF0000000002"
    assert everything.field("number").options.precision == 2
    assert everything.field("doubled").options.is_valid


def test_a_table_is_created_and_used(base: Base) -> None:
    fields = [{"name": "Title", "type": "singleLineText"}, {"name": "Count", "type": "number", "options": {"precision": 0}}]
    table = base.create_table("Made", fields, description="by a test")
    assert table.schema().description == "by a test"
    assert table.create({"Title": "one", "Count": 1})["fields"] == {"Title": "one", "Count": 1}


def test_a_field_is_created_and_used(base: Base) -> None:
    table = base.table("Others")
    field = table.create_field("Colour", "singleSelect", description="of it", options={"choices": [{"name": "red"}]})
    assert [choice.name for choice in field.options.choices] == ["red"]
    assert table.create({"name": "x", "Colour": "red"})["fields"]["Colour"] == "red"


def test_a_table_and_a_field_are_renamed(base: Base) -> None:
    schema = base.table("Others").schema()
    schema.name, schema.description = "Renamed", "now so"
    schema.save()
    field = schema.field("name")
    field.name = "title"
    field.save()
    assert base.table("Renamed", force=True, validate=True).first()["fields"]["title"] == "one"


def test_the_schema_is_validated_by_name(base: Base) -> None:
    assert base.table("Everything", validate=True).id == "tblCONF0000000001"
