"""One API server for all tests of this folder, one world for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

from world import World  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = f"faults-pid{os.getpid()}"


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Operator and workloads with failpoints, apart from what other builds put into the target folder."""
    features = "operator/failpoints,workloads/failpoints"
    command = ["cargo", "build", "--quiet", "-p", "operator", "-p", "workloads", "--features", features]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1500)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    folder = tmp_path_factory.mktemp("binaries")
    for name in ("operator", "workloads"):
        shutil.copy2(target / "debug" / name, folder)
    return folder


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[str]:
    """A real etcd and API server on loopback, with our definitions."""
    run = lambda *command: subprocess.run(command, cwd=ROOT, check=True, timeout=1500, capture_output=True, text=True)  # noqa: E731
    run("tests/cluster/up", "--mode", "control-plane", "--name", CLUSTER)
    try:
        path = run("tests/cluster/kubeconfig", "--name", CLUSTER).stdout.strip()
        tools = run("tests/cluster/tools/install").stdout.strip()
        os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"
        run("kubectl", "--kubeconfig", path, "apply", "-f", "crds/")
        names = [f"crd/{plural}.pyairtable.dev" for plural in ("airtablebases", "workflows", "sagas")]
        run("kubectl", "--kubeconfig", path, "wait", "--for=condition=Established", "--timeout=30s", *names)
        yield path
    finally:
        run("tests/cluster/down", "--name", CLUSTER)


@pytest.fixture
def world(binaries: Path, kubeconfig: str, tmp_path: Path) -> Iterator[World]:
    world = World(binaries, tmp_path, kubeconfig)
    try:
        world.open()
        yield world
    finally:
        world.close()
