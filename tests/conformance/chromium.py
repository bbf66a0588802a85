"""Chromium without a window, and what is to be said of the page that it shows."""

import os
import re
import shutil
import tempfile
from pathlib import Path

import npm
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

FOLDER = Path(__file__).parent / "browser"
# Nothing but the page: no updates, no search for extensions, no reports.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-extensions"]
# Containers have neither namespaces for its sandbox nor much shared memory; the pages are ours.
CONFINED = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


class Chromium:
    """Starts on construction."""

    def __init__(self) -> None:
        npm.install(FOLDER)
        self.axe = (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text()
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        options = ChromeOptions()
        for argument in ["--headless=new", f"--user-data-dir={self.profile}", *QUIET, *CONFINED]:
            options.add_argument(argument)
        options.binary_location = shutil.which("chromium")
        self.driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))

    def stop(self) -> None:
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def show(self, url: str, width: int = 1280, scheme: str = "light") -> None:
        """Opens a page in a window so wide, for somebody who wants it light or dark."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.driver.get(url)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.all(selector)]

    def press(self, key: str) -> None:
        self.driver.switch_to.active_element.send_keys(key)

    def tab_to(self, text: str, presses: int = 100) -> None:
        """Goes on with the Tab key until what has this text is focused, which must be seen."""
        for _ in range(presses):
            self.press(Keys.TAB)
            focused = self.driver.switch_to.active_element
            assert focused.value_of_css_property("outline-style") == "solid", f"{focused.tag_name} shows no focus"
            if focused.text == text:
                return
        raise AssertionError(f"{text!r} is not reached with {presses} presses")

    def scrolls_sideways(self) -> bool:
        return self.driver.execute_script("const page = document.scrollingElement; return page.scrollWidth > page.clientWidth")

    def barriers(self) -> list[str]:
        """What axe finds wrong, best practices included."""
        self.driver.execute_script(self.axe)
        found = self.driver.execute_async_script("axe.run().then(arguments[0])")
        return [f"{one['id']}: {node['html'][:100]}" for one in found["violations"] for node in one["nodes"]]

    def errors(self) -> list[str]:
        """What the page was denied or failed at."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def is_dark(self) -> bool:
        """Whether the page is darker than its text."""
        colours = [self.driver.find_element(By.TAG_NAME, "body").value_of_css_property(name) for name in ("background-color", "color")]
        page, text = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
        return page < text

    def picture(self, name: str) -> None:
        """Kept for people in the folder `PYAIRTABLE_PICTURES`, where that is named."""
        if folder := os.environ.get("PYAIRTABLE_PICTURES"):
            self.driver.save_screenshot(str(Path(folder) / f"{name}.png"))
