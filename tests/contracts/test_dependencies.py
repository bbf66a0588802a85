"""Crates depend in one direction: from processes over services to leaves, and no service on another."""

import json
import subprocess
from functools import cache

import pytest
from tree import ROOT

# What each crate may build upon. A new crate needs a line here, and a thought.
SHARED = {"airtable", "auth", "expression", "host", "ledger", "telemetry", "valkey"}
ALLOWED: dict[str, set[str]] = {
    "airtable": set(),
    "auth": set(),
    "cli": {"airtable", "crds", "schema"},
    "crds": set(),
    "expression": set(),
    "ledger": {"valkey"},
    "saga": set(),
    "telemetry": set(),
    "valkey": set(),
    "host": {"telemetry"},
    "operator": {"airtable", "crds", "expression", "host", "saga", "schema", "telemetry"},
    "schema": {"airtable", "crds"},
    "gateway": SHARED,
    "simulator": SHARED,
    "worker": SHARED,
    "workloads": {"gateway", "host", "simulator", "worker"},
}
# Crates that only test; nothing may build upon them.
TESTS = {"fuzzing", "load"}
# Heavy crates stay where they are needed.
KEPT_OUT = {"saga": {"tokio", "reqwest", "kube"}, "schema": {"tokio", "reqwest", "kube"}, "crds": {"tokio", "reqwest"}, "airtable": {"tokio", "axum"}, "auth": {"axum", "kube"}}


@cache
def packages() -> dict[str, dict]:
    command = ["cargo", "metadata", "--no-deps", "--format-version=1", "--locked"]
    found = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return {package["name"]: package for package in found["packages"]}


def dependencies(crate: str) -> set[str]:
    """What a crate is built upon; tests and build scripts may use more."""
    return {found["name"] for found in packages()[crate]["dependencies"] if found["kind"] is None}


def test_every_crate_has_its_place() -> None:
    assert packages().keys() - TESTS == ALLOWED.keys()


@pytest.mark.parametrize("crate", ALLOWED)
def test_a_crate_builds_upon_what_lies_below(crate: str) -> None:
    assert dependencies(crate) & packages().keys() <= ALLOWED[crate]


@pytest.mark.parametrize("crate", KEPT_OUT)
def test_heavy_crates_are_kept_out(crate: str) -> None:
    assert dependencies(crate) & KEPT_OUT[crate] == set()


def test_services_are_joined_by_the_process_alone() -> None:
    assert {"gateway", "simulator", "worker"} <= dependencies("workloads")
