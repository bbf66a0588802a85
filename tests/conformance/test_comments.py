"""pyAirtable writes and reads comments."""

import pyairtable
import pytest
import requests
from pyairtable import Table

ALPHA, BETA = "recCONF0000000101", "recCONF0000000102"


def test_a_comment_is_added_changed_and_deleted(api: pyairtable.Api, table: Table) -> None:
    me = api.whoami()
    comment = table.add_comment(ALPHA, f"A comment from @[{me['id']}]")
    assert (comment.author.id, comment.author.email) == (me["id"], me["email"])
    assert comment.mentioned[me["id"]].display_name == "Operations"
    assert comment.last_updated_time is None
    comment.text = "Never mind!"
    comment.save()
    found = table.comments(ALPHA)[0]
    assert (found.id, found.text, found.mentioned) == (comment.id, "Never mind!", {})
    assert found.last_updated_time is not None
    comment.delete()
    assert table.comments(ALPHA) == []


@pytest.mark.only("direct")
def test_the_newest_comment_comes_first_over_all_pages(table: Table) -> None:
    for number in range(102):
        table.add_comment(ALPHA, str(number))
    assert [comment.text for comment in table.comments(ALPHA)] == [str(number) for number in reversed(range(102))]


def test_a_reply_names_its_comment(table: Table) -> None:
    question = table.add_comment(ALPHA, "why?")
    assert table.add_comment(ALPHA, "because", parent_comment_id=question.id).parent_comment_id == question.id


def test_a_comment_tells_who_reacted_to_it(base: pyairtable.Base) -> None:
    (comment,) = base.table("Parts").comments("recCONF0000000503")
    (reaction,) = comment.reactions
    assert (reaction.emoji, reaction.reacting_user.user_id) == ("👍🏽", "usrCONF0000000001")


def test_records_tell_how_many_comments_they_have(table: Table) -> None:
    table.add_comment(BETA, "one")
    table.add_comment(BETA, "two")
    counts = {record["id"]: record.get("commentCount") for record in table.all(count_comments=True)}
    assert counts == {ALPHA: None, BETA: 2, "recCONF0000000103": None}


def test_comments_are_refused_as_airtable_refuses_them(api: pyairtable.Api, table: Table) -> None:
    with pytest.raises(requests.HTTPError) as refusal:
        api.request("PATCH", f"{table.urls.record_comments(ALPHA)}/comCONF0000000999", json={"text": "x"})
    missing = {"error": {"type": "MODEL_ID_NOT_FOUND", "message": "Comment not found"}}
    assert (refusal.value.response.status_code, refusal.value.response.json()) == (404, missing)
    with pytest.raises(requests.HTTPError) as refusal:
        api.post(table.urls.record_comments(ALPHA), json={})
    assert refusal.value.response.json()["error"]["type"] == "INVALID_REQUEST_MISSING_FIELDS"
