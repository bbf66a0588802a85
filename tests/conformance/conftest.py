"""Every test runs against a simulator, a gateway before one, and one with a cache, and all must say the same.

Those marked `linked` run against a gateway with links to attachments as well.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pyairtable
from exchanges import Exchanges
from target import BASE, Target, cached, direct, gateway, linked

ROOT = Path(__file__).parents[2]
TARGETS = {"direct": direct, "gateway": gateway, "cached": cached, "linked": linked}

said: dict[str, list[str]] = {}


@pytest.fixture(scope="session")
def program() -> Path:
    """The binary of all services, built from the checkout or named by `PYAIRTABLE_WORKLOADS`."""
    if named := os.environ.get("PYAIRTABLE_WORKLOADS"):
        return Path(named)
    build = ["cargo", "build", "--package=workloads", "--message-format=json-render-diagnostics"]
    lines = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=1800).stdout
    made = [json.loads(line).get("executable") for line in lines.splitlines()]
    return Path(next(path for path in made if path))


@pytest.fixture(scope="session")
def started(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Target]]:
    """Gives a target by its name; its processes start when it is first asked for and stay."""
    with ExitStack() as stack:
        targets: dict[str, Target] = {}

        def start(name: str) -> Target:
            if name not in targets:
                targets[name] = stack.enter_context(TARGETS[name](program, tmp_path_factory.mktemp(name)))
            return targets[name]

        yield start


@pytest.fixture(params=TARGETS)
def running(request: pytest.FixtureRequest, started: Callable[[str], Target]) -> Target:
    return started(request.param)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "only(*targets): makes sense against these targets")
    config.addinivalue_line("markers", "refused: makes the simulator answer 429")
    config.addinivalue_line("markers", "linked: makes sense with links to attachments as well")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if makes_sense(item)]


def makes_sense(item: pytest.Item) -> bool:
    only, callspec = item.get_closest_marker("only"), getattr(item, "callspec", None)
    name = callspec and callspec.params.get("running")
    if name == "linked" and not item.get_closest_marker("linked"):
        return False
    return only is None or name in only.args


def plain(name: str) -> str:
    """The name of a test, the same for all targets."""
    return re.sub("|".join(TARGETS), "TARGET", name)


@pytest.fixture
def target(request: pytest.FixtureRequest, running: Target) -> Iterator[Target]:
    """The target with the fixture's records; afterwards the simulator has refused a gateway nothing for its rate."""
    running.reset()
    yield running
    if running.name != "direct" and not request.node.get_closest_marker("refused"):
        assert 429 not in {asked["status"] for asked in running.requests()}


@pytest.fixture
def api(request: pytest.FixtureRequest, target: Target) -> Iterator[pyairtable.Api]:
    """pyAirtable without retries of its own; afterwards what it heard is compared with the other target."""
    api = pyairtable.Api(target.key, endpoint_url=target.url, retry_strategy=None, timeout=(5, 60))
    exchanges = Exchanges(api.session)
    yield api
    assert 429 not in exchanges.statuses
    assert exchanges.plain == said.setdefault(plain(request.node.name), exchanges.plain), "the targets answer differently"


@pytest.fixture
def base(api: pyairtable.Api) -> pyairtable.Base:
    return api.base(BASE)


@pytest.fixture
def table(base: pyairtable.Base) -> pyairtable.Table:
    """The table with a field of every kind that the fixture has, and three records."""
    return base.table("Everything")
