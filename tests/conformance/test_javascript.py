"""airtable.js: each scenario passes against both targets, with the same results."""

import os
import subprocess
from pathlib import Path

import npm
import pytest
from exchanges import Names
from target import Target

FOLDER = Path(__file__).parent / "javascript"
SCENARIOS = sorted(file.stem for file in (FOLDER / "scenarios").glob("*.js"))

gave: dict[str, str] = {}


@pytest.fixture(scope="session")
def packages() -> None:
    npm.install(FOLDER)


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_javascript(target: Target, scenario: str) -> None:
    setting = {"AIRTABLE_ENDPOINT_URL": target.url, "AIRTABLE_API_KEY": target.key}
    run = subprocess.run(
        ["node", "run.js", scenario], cwd=FOLDER, env=os.environ | setting, capture_output=True, text=True, timeout=100
    )
    assert run.returncode == 0, run.stderr
    plain = Names().plain(run.stdout)
    assert plain == gave.setdefault(scenario, plain), "the targets give different results"
