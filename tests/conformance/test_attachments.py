"""pyAirtable writes and reads attachments."""

import struct
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pyairtable
import pytest
import requests
from local import serving
from pyairtable import Table
from target import Target

ONE = "recCONF0000000201"

pytestmark = pytest.mark.linked


def png(width: int, height: int) -> bytes:
    """A black image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (width + 1) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


LOGO = png(600, 300)


class Files(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/logo.png"
        body = LOGO if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    """Where an image is."""
    with serving(Files) as server:
        yield f"{server}/logo.png"


@pytest.fixture
def table(base: pyairtable.Base) -> Table:
    """A table with the attachment field `files`."""
    table = base.table("Others")
    table.create_field("files", "multipleAttachments")
    return table


# A link is good for whatever the gateway's own clock says, and found by the record.
@pytest.mark.only("linked")
def test_links_outlive_airtables_urls_and_their_files_go_with_the_cell(target: Target, table: Table, url: str) -> None:
    made = table.create({"files": [{"url": url}]})
    await_files(target)
    [held] = table.get(made["id"])["fields"]["files"]
    assert held["url"].startswith(f"{target.url}/attachments/") and held["url"].endswith("/logo.png")
    target.advance(2 * 60 * 60)
    assert requests.get(held["url"], timeout=10).content == LOGO
    table.update(made["id"], {"files": []})
    gone = requests.get(held["url"], timeout=10)
    assert (gone.status_code, gone.headers["Cache-Control"]) == (404, "public, max-age=60")


def await_files(target: Target) -> None:
    """Returns when the simulator has fetched all it was told of."""
    until = time.monotonic() + 20
    while any(file["state"] == "awaited" for file in known(target)):
        assert time.monotonic() < until, "files are still awaited after 20 seconds"
        time.sleep(0.02)


def known(target: Target) -> list[dict]:
    return requests.get(f"{target.simulator}/admin/attachments", timeout=10).json()["attachments"]


def test_a_file_is_fetched_described_and_served(target: Target, table: Table, url: str) -> None:
    made = table.create({"files": [{"url": url}]})
    assert made["fields"]["files"][0]["filename"] == "logo.png"
    await_files(target)
    [held] = table.get(made["id"])["fields"]["files"]
    assert (held["id"], held["type"], held["size"]) == (made["fields"]["files"][0]["id"], "image/png", len(LOGO))
    assert (held["width"], held["height"]) == (600, 300)
    sizes = {name: (form["width"], form["height"]) for name, form in held["thumbnails"].items()}
    assert sizes == {"small": (72, 36), "large": (512, 256), "full": (600, 300)}
    for where in [held["url"], *(form["url"] for form in held["thumbnails"].values())]:
        assert requests.get(where, timeout=10).content == LOGO


def test_files_are_named_kept_and_dropped_by_the_list_written(target: Target, table: Table, url: str) -> None:
    made = table.create({"files": [{"url": url, "filename": "a.jpg"}, {"url": url, "filename": "b.jpg"}]})
    await_files(target)
    first, second = made["fields"]["files"]
    assert [first["filename"], second["filename"]] == ["a.jpg", "b.jpg"]
    changed = table.update(made["id"], {"files": [{"id": second["id"]}]})["fields"]["files"]
    assert [(file["id"], file["filename"]) for file in changed] == [(second["id"], "b.jpg")]
    assert "files" not in table.update(made["id"], {"files": []})["fields"]


# What is kept ages by the real clock, which is not the one that is set ahead.
@pytest.mark.only("direct", "gateway")
def test_urls_expire_after_two_hours(target: Target, table: Table, url: str) -> None:
    made = table.create({"files": [{"url": url}]})
    await_files(target)
    old = table.get(made["id"])["fields"]["files"][0]["url"]
    target.advance(2 * 60 * 60)
    assert requests.get(old, timeout=10).status_code == 410
    new = table.get(made["id"])["fields"]["files"][0]["url"]
    assert requests.get(new, timeout=10).status_code == 200


def test_a_file_that_is_not_there_leaves_a_url_that_fails(target: Target, table: Table, url: str) -> None:
    made = table.create({"files": [{"url": url.replace("logo", "nothing")}]})
    await_files(target)
    [held] = table.get(made["id"])["fields"]["files"]
    assert held["filename"] == "nothing.png"
    assert requests.get(held["url"], timeout=10).status_code == 404


def test_a_write_with_a_url_that_has_just_failed_is_said_to_have_succeeded_in_part(target: Target, table: Table, url: str) -> None:
    bad = url.replace("logo", "nothing")
    assert "details" not in table.create({"files": [{"url": bad}]})
    await_files(target)
    files = {"files": [{"url": url}, {"url": bad}]}
    partial = {"message": "partialSuccess", "reasons": ["attachmentsFailedUploading"]}
    made = table.create(files)
    assert made["details"] == partial
    assert [file["filename"] for file in made["fields"]["files"]] == ["logo.png", "nothing.png"]
    many = table.api.post(table.urls.records, json={"records": [{"fields": files}, {"fields": {"name": "x"}}]})
    assert many["details"] == partial and len(many["records"]) == 2
    assert "details" not in table.update(made["id"], {"name": "y"})
    await_files(target)
    target.advance(60)
    assert "details" not in table.create({"files": [{"url": bad}]}), "it is tried again"


def test_an_upload_is_answered_with_all_files_by_field_id(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    # pyAirtable knows no other host for uploads than Airtable's.
    here = lambda urls, record, field: urls.build_url(f"{{base.id}}/{record}/{field}/uploadAttachment")
    monkeypatch.setattr(type(table.urls), "upload_attachment", here)
    field = table.schema(force=True).field("files").id
    table.upload_attachment(ONE, "files", "a.png", content=LOGO)
    answer = table.upload_attachment(ONE, field, "b.txt", content="hello")
    held = answer["fields"][field]
    assert (answer["id"], list(answer["fields"])) == (ONE, [field])
    assert [(file["filename"], file["type"], file["size"]) for file in held] == [("a.png", "image/png", len(LOGO)), ("b.txt", "text/plain", 5)]
    assert requests.get(held[1]["url"], timeout=10).content == b"hello"
    largest = table.upload_attachment(ONE, "files", "c.zip", content=b"x" * (5 << 20))
    assert largest["fields"][field][2]["size"] == 5 << 20
