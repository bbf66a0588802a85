"""The simulator's pages for people, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from chromium import Chromium
from selenium.webdriver import Keys
from target import BASE, TOKEN, Target, direct

TABLES = ["Everything", "Others", "Ta/ble é 😀 x", "Projects", "Parts"]
EVIL = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
LONG = "long " * 400


@pytest.fixture(scope="module")
def simulator(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One that holds something to see: 120 records, strange texts, requests, a fault."""
    with direct(program, tmp_path_factory.mktemp("pages")) as target:
        records = f"{target.url}/v0/{BASE}/Others"
        texts = [EVIL, LONG, *(f"record {number}" for number in range(116))]
        for first in range(0, len(texts), 10):
            body = {"records": [{"fields": {"name": text}} for text in texts[first : first + 10]]}
            requests.post(records, json=body, headers=target.authorization, timeout=10).raise_for_status()
        requests.get(f"{target.url}/v0/{BASE}/Nowhere", headers=target.authorization, timeout=10)
        fault = {"match": {"pathContains": "Others"}, "kind": {"status": 503}}
        requests.put(f"{target.url}/admin/faults", json={"faults": [fault]}, timeout=10).raise_for_status()
        yield target


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    chromium = Chromium()
    yield chromium
    chromium.stop()


@pytest.fixture
def browser(chromium: Chromium, simulator: Target) -> Iterator[Chromium]:
    """On the first page; nothing may fail while it shows pages."""
    chromium.show(f"{simulator.url}/admin/")
    yield chromium
    assert chromium.errors() == []


def test_every_table_is_named_and_opens(browser: Chromium, simulator: Target) -> None:
    assert browser.texts("tbody a") == TABLES
    for table in TABLES:
        browser.show(f"{simulator.url}/admin/")
        browser.driver.find_element("link text", table).click()
        assert browser.texts("h1") == [f"Conformance: {table}"]
        assert len(browser.all("tbody tr")) > 0


def test_all_that_happened_is_shown(browser: Chromium) -> None:
    assert browser.texts("h2") == ["Tables", "Limits", "Faults left", "Last requests", "Last effects"]
    assert "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND" in browser.texts("#last-requests + * td")
    assert len(browser.all("#last-effects + * tbody tr")) == 50


def test_a_long_list_is_paged_forwards_and_back(browser: Chromium) -> None:
    browser.driver.find_element("link text", "Others").click()
    seen = [len(browser.all("tbody tr"))]
    while following := browser.driver.find_elements("link text", "Next"):
        following[0].click()
        seen.append(len(browser.all("tbody tr")))
    assert seen == [50, 50, 20]
    browser.driver.find_element("link text", "Previous").click()
    assert browser.texts("main > p") == ["Records 51 to 100 of 120"]


def test_texts_stay_texts_and_long_ones_are_cut(browser: Chromium) -> None:
    browser.driver.find_element("link text", "Others").click()
    texts = browser.texts("td")
    assert EVIL in texts and f"{LONG[:200]}…" in texts
    assert browser.driver.title.startswith("Conformance: Others") and browser.all("main script, main img") == []


def test_the_keyboard_alone_is_enough(browser: Chromium) -> None:
    browser.tab_to("Others")
    browser.press(Keys.ENTER)
    assert browser.texts("h1") == ["Conformance: Others"]
    browser.tab_to("Next")
    browser.press(Keys.ENTER)
    assert browser.texts("main > p") == ["Records 51 to 100 of 120"]
    browser.tab_to("All tables")
    browser.press(Keys.ENTER)
    assert browser.texts("h1") == ["Simulator"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (360, "light")])
def test_no_page_has_barriers_or_scrolls_sideways(browser: Chromium, simulator: Target, width: int, scheme: str) -> None:
    for number, path in enumerate(["", f"bases/{BASE}/tblCONF0000000002", f"bases/{BASE}/tblCONF0000000004"]):
        browser.show(f"{simulator.url}/admin/{path}", width, scheme)
        browser.picture(f"admin-{number}-{width}-{scheme}")
        assert browser.barriers() == []
        assert not browser.scrolls_sideways()
        assert browser.is_dark() == (scheme == "dark")


def test_a_table_that_is_not_there_says_so_and_leads_back(chromium: Chromium, simulator: Target) -> None:
    chromium.show(f"{simulator.url}/admin/bases/{BASE}/tblNOTHING0000001")
    assert chromium.texts("main p, main a") == ["No such table.", "All tables"]
    assert chromium.barriers() == []
    assert len(chromium.errors()) == 1, "the status is 404"
