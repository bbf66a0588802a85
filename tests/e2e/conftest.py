"""One real node for all tests of this folder: ./minikube.sh brings it up, as a user would, and takes it down at the end."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

from node import Node, Shelf  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

# A cluster of this checkout's own, which KEEP_CLUSTER keeps for the next run: what somebody has in minikube, shows in the
# default cluster or tests in another checkout is left alone.
os.environ.setdefault("PYAIRTABLE_CLUSTER", f"e2e-x{hashlib.sha256(bytes(ROOT)).hexdigest()[:8]}")
os.environ["PYAIRTABLE_LOCAL"] = "1"


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    was_up = subprocess.run([ROOT / "minikube.sh", "kubeconfig"], capture_output=True, timeout=600).returncode == 0
    done = subprocess.run([ROOT / "minikube.sh", "up"], cwd=ROOT, capture_output=True, text=True, timeout=2400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    printed = subprocess.run([ROOT / "minikube.sh", "kubeconfig"], check=True, capture_output=True, text=True, timeout=600).stdout
    tools = subprocess.run([ROOT / "tests/cluster/tools/install"], check=True, capture_output=True, text=True, timeout=1800).stdout.strip()
    os.environ["PATH"] = f"{os.environ['PATH']}:{tools}"
    yield Node(ROOT, printed.strip().removeprefix("export KUBECONFIG="))
    if not was_up and not os.environ.get("KEEP_CLUSTER"):
        subprocess.run([ROOT / "minikube.sh", "down"], check=True, capture_output=True, timeout=300)


@pytest.fixture
def shelf(node: Node, request: pytest.FixtureRequest) -> Iterator[Shelf]:
    """A namespace of the test's own, under the restricted Pod Security standard."""
    shelf = Shelf(node, request.node.name)
    shelf.open()
    try:
        yield shelf
    finally:
        shelf.close()
