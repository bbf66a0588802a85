"""A control plane of its own (etcd and kube-apiserver) with the definitions installed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from api import Api

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "tests" / "cluster"


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """The kubeconfig of a fresh control plane, which ends with the session."""
    # Another run, of this checkout or another one, has its own.
    name = f"admission-pid{os.getpid()}"
    subprocess.run([CLUSTER / "down", "--name", name], check=True, timeout=120)
    try:
        subprocess.run([CLUSTER / "up", "--mode", "control-plane", "--name", name], check=True, timeout=1800)
        found = subprocess.run([CLUSTER / "kubeconfig", "--name", name], check=True, stdout=subprocess.PIPE, text=True)
        yield Path(found.stdout.strip())
    finally:
        subprocess.run([CLUSTER / "down", "--name", name], check=True, timeout=120)


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Api:
    """The API server, which has the three definitions established."""
    api = Api(kubeconfig)
    for definition in sorted((ROOT / "crds").glob("*.yaml")):
        api.define(definition)
    return api


@pytest.fixture
def namespace(api: Api) -> str:
    """A namespace that nobody else uses."""
    return api.new_namespace()
