"""airtable.js: each scenario passes against both targets, with the same results."""

import node
import pytest
from target import Target

SCENARIOS = sorted(file.stem for file in (node.FOLDER / "scenarios").glob("*.js"))

gave: dict[str, str] = {}


@pytest.fixture(scope="session")
def packages() -> None:
    node.install()


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_javascript(target: Target, scenario: str) -> None:
    plain = node.run(target, f"scenarios/{scenario}")
    assert plain == gave.setdefault(scenario, plain), "the targets give different results"
