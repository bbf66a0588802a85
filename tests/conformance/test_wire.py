"""What clients send beside what is documented, byte by byte: each peculiarity is that of a client that is in use."""

from urllib.parse import quote

import pyairtable
import pytest
import requests
from pyairtable import Api
from target import BASE, Target

RECORDS, STRANGE = f"/v0/{BASE}/Everything", f"/v0/{BASE}/Ta%2Fble%20%C3%A9%20%F0%9F%98%80%20x"
ALPHA = "recCONF0000000101"


def send(api: Api, verb: str, path: str, **options: object) -> requests.Response:
    return api.session.request(verb, f"{api.endpoint_url}{path}", timeout=30, **options)


def fields(answer: requests.Response) -> list[dict]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    return [record["fields"] for record in answer.json()["records"]]


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("POST", {"records": [{"fields": {"text": "x"}}]}),
        ("PATCH", {"records": [{"id": ALPHA, "fields": {"text": "x"}}]}),
        ("PUT", {"records": [{"id": ALPHA, "fields": {"text": "x"}}]}),
    ],
)
def test_airtable_js_ends_paths_with_a_slash(api: Api, verb: str, body: dict) -> None:
    assert fields(send(api, verb, f"{RECORDS}/", json=body))[0]["text"] == "x"


def test_airtable_js_begins_paths_with_two_slashes_where_its_url_ends_with_one(api: Api) -> None:
    assert len(fields(send(api, "GET", f"/{RECORDS}"))) == 3


@pytest.mark.parametrize("path", [STRANGE, STRANGE.replace("%2F", "%2f").replace("%C3%A9", "%c3%a9")])
def test_names_are_decoded_after_the_path_was_split(api: Api, path: str) -> None:
    assert fields(send(api, "GET", path)) == [{"Nâme/with slash {brace}": "odd", "100 %": 100}]


def test_airtable_js_writes_blanks_as_plus_and_encodes_brackets(api: Api) -> None:
    assert fields(send(api, "GET", f"{STRANGE}?fields%5B%5D=100+%25&maxRecords=1")) == [{"100 %": 100}]


@pytest.mark.parametrize("notation", ["fields[]=text&fields[]=number", "fields=text&fields=number", "fields[0]=text&fields[1]=number"])
def test_lists_come_in_three_notations(api: Api, notation: str) -> None:
    assert fields(send(api, "GET", f"{RECORDS}?{notation}&maxRecords=1")) == [{"text": "alpha", "number": 1}]


def test_a_long_url_is_for_the_gateway_only(target: Target, api: Api) -> None:
    formula = "OR(" + ",".join(f"{{text}}='{'x' * 30}{number}'" for number in range(400)) + ",{text}='Beta')"
    url = f"{target.url}{RECORDS}?fields[]=text&filterByFormula={quote(formula)}"
    assert 16_000 < len(url) < 65_000
    # Not by the session: the answers differ.
    answer = requests.get(url, headers=target.authorization, timeout=30)
    if target.name == "direct":
        assert answer.status_code == 414
    else:
        assert fields(answer) == [{"text": "Beta"}]


@pytest.mark.parametrize(("said", "key"), [("1", "fldCONF0000000101"), ("true", "fldCONF0000000101"), ("0", "text"), ("false", "text"), ("", "text")])
def test_truth_comes_as_a_word_and_as_a_number(api: Api, said: str, key: str) -> None:
    assert fields(send(api, "GET", f"{RECORDS}?returnFieldsByFieldId={said}&fields[]=text&maxRecords=1")) == [{key: "alpha"}]


def test_pyairtable_begins_with_an_empty_offset(api: Api) -> None:
    assert len(fields(send(api, "GET", f"{RECORDS}?offset="))) == 3
    assert len(fields(send(api, "POST", f"{RECORDS}/listRecords", json={"offset": ""}))) == 3


def test_airtable_js_says_content_type_without_content_and_more_headers_of_its_own(api: Api) -> None:
    own = {"Content-Type": "application/json", "x-api-version": "0.1.0", "x-airtable-application-id": BASE, "User-Agent": "Airtable.js/0.12.2"}
    assert len(fields(send(api, "GET", RECORDS, headers=own))) == 3


def test_airtable_js_posts_lists_with_keys_that_are_none_of_a_list(api: Api) -> None:
    body = {"method": "post", "timeZone": "utc", "userLocale": "en-ie", "fields": ["text"], "maxRecords": 1}
    assert fields(send(api, "POST", f"{RECORDS}/listRecords?timeZone=utc&userLocale=en-ie", json=body)) == [{"text": "alpha"}]


def test_ten_records_are_deleted_by_as_many_parameters(api: Api) -> None:
    made = send(api, "POST", RECORDS, json={"records": [{"fields": {"text": str(number)}} for number in range(10)]}).json()
    ids = [record["id"] for record in made["records"]]
    gone = send(api, "DELETE", f"{RECORDS}?" + "&".join(f"records%5B%5D={id}" for id in ids))
    assert gone.json() == {"records": [{"id": id, "deleted": True} for id in ids]}


def test_what_is_to_be_included_is_repeated_without_brackets(api: Api) -> None:
    answer = send(api, "GET", f"/v0/meta/bases/{BASE}?include=collaborators&include=inviteLinks")
    assert {"individualCollaborators", "inviteLinks"} <= set(answer.json())


def test_typecast_in_the_query_is_passed_over(api: Api) -> None:
    answer = send(api, "POST", f"{RECORDS}?typecast=true", json={"fields": {"number": "3"}})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "INVALID_VALUE_FOR_COLUMN")


def test_webhooks_are_enabled_and_deleted_without_a_word(api: Api, base: pyairtable.Base) -> None:
    hook = base.add_webhook("https://example.com", {"options": {"filters": {"dataTypes": ["tableData"]}}})
    one = f"/v0/bases/{BASE}/webhooks/{hook.id}"
    for answer in [send(api, "POST", f"{one}/enableNotifications", json={"enable": False}), send(api, "DELETE", one)]:
        assert (answer.status_code, answer.content) == (200, b"")


def test_pages_in_a_browser_may_call(api: Api) -> None:
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization,x-api-version"}
    preflight = requests.options(f"{api.endpoint_url}{RECORDS}", headers=asked, timeout=30)
    allowed = {name: preflight.headers[f"Access-Control-Allow-{name}"] for name in ("Origin", "Methods", "Headers")}
    assert (preflight.status_code, allowed) == (200, {"Origin": "*", "Methods": "*", "Headers": "authorization,x-api-version"})
    assert send(api, "GET", RECORDS, headers={"Origin": "https://example.com"}).headers["Access-Control-Allow-Origin"] == "*"
    refused = requests.get(f"{api.endpoint_url}{RECORDS}", headers={"Origin": "https://example.com"}, timeout=30)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, "*"), "a page must be able to read why"
