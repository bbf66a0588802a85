"""What everybody who watches sees: each version of the objects of one kind, and what must hold in all of them (kstatus)."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from processes import wait_until
from world import World

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference/reasons.md"
REASONS = set(re.findall(r"^\| ([A-Z]\w+) \|", REFERENCE.read_text(), re.MULTILINE)) - {"Reason"}


class Recorder:
    """Records from its start to `end`."""

    def __init__(self, world: World, plural: str) -> None:
        self.world, self.plural, self.file = world, plural, world.folder / f"{plural}.watch"
        command = ["kubectl", "--kubeconfig", world.kubeconfig, "-n", world.namespace, "get", plural, "--watch", "-o", "json"]
        with self.file.open("wb") as file:
            self.running = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)

    def end(self) -> dict[str, list[dict[str, Any]]]:
        """The versions by name, oldest first, with the newest of each."""
        newest = json.loads(self.world.kubectl("get", self.plural, "-o", "json"))["items"]
        versions = {one["metadata"]["resourceVersion"] for one in newest}
        try:
            wait_until(lambda: versions <= {one["metadata"]["resourceVersion"] for one in self._recorded()}, "the watch lags behind")
        finally:
            self.stop()
        found = defaultdict(list)
        for one in self._recorded():
            found[one["metadata"]["name"]].append(one)
        return found

    def stop(self) -> None:
        self.running.kill()
        self.running.wait(10)

    def _recorded(self) -> list[dict[str, Any]]:
        text, found, place = self.file.read_text(), [], 0
        while text[place:].strip():
            try:
                one, place = json.JSONDecoder().raw_decode(text, text.index("{", place))
            except ValueError:
                break  # its end is being written
            found += one["items"] if one["kind"] == "List" else [one]
        return found


def check(versions: list[dict[str, Any]]) -> None:
    """What holds in each version, and from one to the next."""
    for one in versions:
        metadata, conditions = one["metadata"], by_type(one)
        told = json.dumps(one.get("status"), indent=1)
        observed = [one.get("status", {}).get("observedGeneration"), *(condition.get("observedGeneration") for condition in conditions.values())]
        assert all(number <= metadata["generation"] for number in observed if number is not None), f"{metadata['generation']}: {told}"
        assert {condition["reason"] for condition in conditions.values()} <= REASONS, told
        assert all(condition["message"] for condition in conditions.values()), told
        true = {kind for kind, condition in conditions.items() if condition["status"] == "True"}
        assert not {"Reconciling", "Stalled"} <= true, told
        assert not (true & {"Ready", "Succeeded"} and true & {"Reconciling", "Stalled"}), told
    for earlier, later in pairwise(map(by_type, versions)):
        for kind in earlier.keys() & later.keys():
            before, after = earlier[kind], later[kind]
            assert before["lastTransitionTime"] <= after["lastTransitionTime"], f"{before} {after}"
            if before["status"] == after["status"]:
                assert before["lastTransitionTime"] == after["lastTransitionTime"], f"{before} {after}"


def by_type(one: dict[str, Any]) -> dict[str, dict[str, Any]]:
    conditions = one.get("status", {}).get("conditions", [])
    found = {condition["type"]: condition for condition in conditions}
    assert len(found) == len(conditions), f"a type is there twice: {conditions}"
    return found


def story(versions: list[dict[str, Any]], kind: str) -> list[tuple[str, str]]:
    """Status and reason of one condition over time, each change once; what has none is left out."""
    told = [(found[kind]["status"], found[kind]["reason"]) for found in map(by_type, versions) if kind in found]
    return [one for index, one in enumerate(told) if index == 0 or told[index - 1] != one]
