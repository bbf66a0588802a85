"""pyAirtable's models: written, found, changed, linked, deleted."""

from datetime import date, datetime, timezone

import pytest
from pyairtable import Api
from pyairtable.orm import Model, fields
from target import BASE


@pytest.fixture
def models(api: Api) -> tuple[type[Model], type[Model]]:
    """A model for each of two linked tables."""

    class Other(Model):
        name = fields.TextField("name")

        class Meta:
            api_key, base_id, table_name = api.api_key, BASE, "Others"

    class Everything(Model):
        text = fields.TextField("text")
        number = fields.FloatField("number")
        done = fields.CheckboxField("done")
        tags = fields.MultipleSelectField("tags")
        day = fields.DateField("day")
        moment = fields.DatetimeField("moment")
        others = fields.LinkField("others", model=Other)
        doubled = fields.FloatField("doubled", readonly=True)

        class Meta:
            api_key, base_id, table_name = api.api_key, BASE, "Everything"

    # A model has no setting for the URL.
    Other.meta.api = Everything.meta.api = api
    return Everything, Other


def test_a_model_comes_back_as_it_was_saved(models: tuple[type[Model], type[Model]]) -> None:
    Everything, Other = models
    linked = Other(name="linked")
    linked.save()
    moment = datetime(2026, 11, 21, 9, 30, tzinfo=timezone.utc)
    made = Everything(text="model", number=1.5, done=True, tags=["a"], day=date(2026, 11, 21), moment=moment, others=[linked])
    assert made.save().created
    found = Everything.from_id(made.id)
    assert (found.text, found.number, found.done, found.tags, found.day, found.moment) == ("model", 1.5, True, ["a"], date(2026, 11, 21), moment)
    assert found.doubled == 3
    assert [other.name for other in found.others] == ["linked"]


def test_a_model_is_changed_and_deleted(models: tuple[type[Model], type[Model]]) -> None:
    Everything, _ = models
    found = Everything.first(formula=Everything.text.eq("Beta"))
    found.number = 99.0
    assert found.save().updated
    assert Everything.from_id(found.id).doubled == 198
    assert found.delete()
    assert Everything.all(formula=Everything.text.eq("Beta")) == []


def test_models_are_saved_and_deleted_in_batches(models: tuple[type[Model], type[Model]]) -> None:
    _, Other = models
    made = [Other(name=str(number)) for number in range(12)]
    Other.batch_save(made)
    assert len(Other.all()) == 14
    Other.batch_delete(made)
    assert [other.name for other in Other.all()] == ["one", "two"]


def test_what_a_model_does_not_declare_is_left_as_it_was(api: Api) -> None:
    class Part(Model):
        text = fields.TextField("text")

        class Meta:
            api_key, base_id, table_name = api.api_key, BASE, "Everything"

    Part.meta.api = api
    table = api.table(BASE, "Everything")
    before = table.create({"text": "part", "number": 3, "tags": ["a"], "mail": "a@example.com", "moment": "2026-11-21T09:30:00.000Z"})
    Part.from_id(before["id"]).save(force=True)
    assert table.get(before["id"]) == before


def test_a_record_of_nothing_is_linked_to_itself_and_computed(api: Api) -> None:
    names = ["code", "parts", "owner", "team", "due", "start", "effort", "stars", "share", "budget", "open", "files", "bars", "before", "after"]
    table = api.table(BASE, "Projects")
    made = table.create(dict.fromkeys(names), typecast=True)
    assert not set(names) & set(made["fields"])
    linked = table.update(made["id"], {"before": [made["id"]]})["fields"]
    assert (linked["before"], linked["after"], linked["part count"]) == ([made["id"]], [made["id"]], 0)
    assert (linked["broken"], linked["strange"]) == ({"error": "#ERROR!"}, {"specialValue": "NaN"})
