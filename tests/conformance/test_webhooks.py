"""pyAirtable makes webhooks, lists their payloads and checks their notifications."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pyairtable
import pytest
import requests
from local import serving
from pyairtable import Table
from pyairtable.models.webhook import WebhookNotification
from target import BASE, Target

EVERYTHING = "tblCONF0000000001"
TEXT = "fldCONF0000000101"
ALPHA, BETA = "recCONF0000000101", "recCONF0000000102"
WEEK = 7 * 24 * 60 * 60


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent as pairs of header and body."""

    heard: list[tuple[str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.heard.append((self.headers["X-Airtable-Content-MAC"], body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def heard() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def url(heard: list) -> Iterator[str]:
    """Where notifications are heard."""
    with serving(type("Hearing", (Receiver,), {"heard": heard})) as server:
        yield f"{server}/ping"


def spec(**filters: object) -> dict:
    return {"options": {"filters": {"dataTypes": ["tableData"], **filters}}}


def listed(target: Target) -> dict:
    """The only webhook, without a request that is compared with the other target."""
    return requests.get(f"{target.simulator}/admin/webhooks", timeout=10).json()["webhooks"][0]


def test_a_created_record_is_in_the_payload(base: pyairtable.Base, table: Table) -> None:
    made = base.add_webhook(None, spec())
    created = table.create({"text": "Hey there!"})
    webhook = base.webhook(made.id)
    webhook.enable_notifications()
    assert base.webhook(made.id).are_notifications_enabled
    webhook.disable_notifications()
    assert not base.webhook(made.id).are_notifications_enabled
    [payload] = webhook.payloads()
    record = payload.changed_tables_by_id[EVERYTHING].created_records_by_id[created["id"]]
    assert record.cell_values_by_field_id == {TEXT: "Hey there!"}
    assert (payload.payload_format, payload.action_metadata.source, payload.error) == ("v0", "publicApi", None)
    assert webhook.cursor_for_next_payload == 2
    webhook.delete()
    assert base.webhooks() == []


def test_twenty_updates_are_twenty_payloads_in_order(base: pyairtable.Base, table: Table) -> None:
    made = base.add_webhook(None, spec())
    for number in range(20):
        table.update(ALPHA, {"number": number + 100})
    webhook = base.webhook(made.id)
    payloads = list(webhook.payloads())
    values = [payload.changed_tables_by_id[EVERYTHING].changed_records_by_id[ALPHA].current.cell_values_by_field_id for payload in payloads]
    assert values == [{"fldCONF0000000103": number + 100} for number in range(20)]
    assert [payload.cursor for payload in payloads] == list(range(1, 21))
    assert [payload.base_transaction_number for payload in payloads] == list(range(1, 21))
    assert [payload.cursor for payload in webhook.payloads(cursor=19)] == [19, 20]
    assert len(list(webhook.payloads(limit=3))) == 3


def test_a_batch_is_one_payload_and_values_are_told_in_full(base: pyairtable.Base, table: Table) -> None:
    options = spec(recordChangeScope=EVERYTHING, changeTypes=["update"])
    options["options"]["includes"] = {"includePreviousCellValues": True, "includeCellValuesInFieldIds": [TEXT]}
    made = base.add_webhook(None, options)
    table.create({"text": "not told"})
    table.batch_update([{"id": ALPHA, "fields": {"choice": "a", "others": []}}, {"id": BETA, "fields": {"choice": "b"}}])
    [payload] = base.webhook(made.id).payloads()
    changes = payload.changed_tables_by_id[EVERYTHING].changed_records_by_id
    choice, others = "fldCONF0000000105", "fldCONF0000000111"
    a = {"id": "selCONF0000000502", "name": "a", "color": "blueLight2"}
    b = {"id": "selCONF0000000501", "name": "b", "color": "blueLight2"}
    assert changes[ALPHA].current.cell_values_by_field_id == {choice: a, others: None}
    assert changes[ALPHA].previous.cell_values_by_field_id == {choice: b, others: [{"id": "recCONF0000000201", "name": "one"}]}
    assert changes[BETA].unchanged.cell_values_by_field_id == {TEXT: "Beta"}


def test_schema_changes_are_told(base: pyairtable.Base) -> None:
    made = base.add_webhook(None, spec(dataTypes=["tableFields", "tableMetadata"]))
    field = base.table("Others").create_field("Colour", "singleLineText")
    base.create_table("Made", [{"name": "Title", "type": "singleLineText"}])
    first, second = base.webhook(made.id).payloads()
    created = first.changed_tables_by_id["tblCONF0000000002"].created_fields_by_id[field.id]
    assert (created.name, created.type) == ("Colour", "singleLineText")
    [table] = second.created_tables_by_id.values()
    assert table.metadata.name == "Made"
    assert [field.name for field in table.fields_by_id.values()] == ["Title"]


def test_a_notification_carries_a_signature_that_pyairtable_accepts(target: Target, base: pyairtable.Base, table: Table, url: str, heard: list) -> None:
    made = base.add_webhook(url, spec())
    table.create({"text": "x"})
    until = time.monotonic() + 20
    while listed(target)["lastSuccessfulNotificationTime"] is None:
        assert time.monotonic() < until, "no notification within 20 seconds"
        time.sleep(0.02)
    header, body = heard[0]
    notification = WebhookNotification.from_request(body, header, made.mac_secret_base64)
    assert (notification.base.id, notification.webhook.id) == (BASE, made.id)
    with pytest.raises(ValueError, match="failed validation"):
        WebhookNotification.from_request(body.replace(BASE, "appFORGED00000001"), header, made.mac_secret_base64)


def test_a_webhook_ends_after_a_week_unless_it_is_extended(target: Target, base: pyairtable.Base) -> None:
    ends, extended = (base.add_webhook(None, spec()) for _ in range(2))
    target.advance(WEEK - 60)
    webhook = base.webhook(extended.id)
    webhook.extend_expiration()
    target.advance(WEEK + 60)
    assert {webhook.id: webhook.is_hook_enabled for webhook in base.webhooks()} == {ends.id: False, extended.id: True}


def test_the_eleventh_webhook_is_refused(base: pyairtable.Base) -> None:
    for _ in range(10):
        base.add_webhook(None, spec())
    with pytest.raises(requests.HTTPError) as refusal:
        base.add_webhook(None, spec())
    assert refusal.value.response.status_code == 422
