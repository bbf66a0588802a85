"""Schema as code: what differs is told, what the policy allows is made once, and nothing is removed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import wait_until
from recorder import Recorder, by_type, check, story
from world import BASE_ID, KEY, World

TEXT = {"name": "Name", "type": "singleLineText"}
SCHEMA = f"/v0/meta/bases/{BASE_ID}"
# One new field, another description and formula, a choice that can't be added, and two new tables with one link between them.
DECLARED: list[dict[str, Any]] = [
    {"name": "Customers", "description": "Who buys, and why.", "fields": [TEXT, {"name": "Birthday", "type": "date"}]},
    {"name": "Orders", "fields": [
        {"name": "Order", "type": "singleLineText"},
        {"name": "Total", "type": "formula", "options": {"formula": "{Quantity} * 2"}},
        {"name": "Status", "type": "singleSelect", "options": {"choices": [{"name": "never heard of"}]}},
    ]},
    {"name": "Suppliers", "fields": [TEXT, {"name": "Parts", "type": "multipleRecordLinks", "linkedTable": "Parts", "inverseField": "Made by"}]},
    {"name": "Parts", "fields": [TEXT, {"name": "Made by", "type": "multipleRecordLinks", "linkedTable": "Suppliers"}]},
]
LEFT = [("CannotChange", "Orders", "Status", "options.choices")]


@pytest.fixture(scope="module")
def pyairtable() -> Path:
    root = Path(__file__).parents[2]
    subprocess.run(["cargo", "build", "--quiet", "-p", "cli"], cwd=root, check=True, timeout=1500)
    return Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "debug/pyairtable"


@pytest.fixture
def recorder(world: World) -> Iterator[Recorder]:
    recorder = Recorder(world, "airtablebases")
    yield recorder
    recorder.stop()


def declare(world: World, policy: str, tables: list[dict[str, Any]] | None = None) -> None:
    schema = {"policy": policy, "tables": DECLARED if tables is None else tables}
    world.kubectl("patch", "airtablebases/crm", "--type=merge", "-p", json.dumps({"spec": {"schema": schema}}))


def status(world: World) -> dict[str, Any]:
    return json.loads(world.kubectl("get", "airtablebases/crm", "-o", "json"))


def drift(world: World) -> list[tuple[str, str, str | None, str]]:
    found = status(world).get("status", {}).get("drift", [])
    return [(entry["action"], entry["table"], entry.get("field"), entry["what"]) for entry in found]


def await_reason(world: World, reason: str) -> dict[str, Any]:
    """The condition once it has this reason, for the generation that there is."""
    found: dict[str, Any] = {}

    def holds() -> bool:
        base = status(world)
        found.clear()
        found.update(by_type(base).get("SchemaMatches", {}))
        return found.get("reason") == reason and found.get("observedGeneration") == base["metadata"]["generation"]

    wait_until(holds, lambda: json.dumps(status(world).get("status"), indent=1), 90, 0.2)
    return dict(found)


def tables(world: World) -> dict[str, dict[str, Any]]:
    request = urllib.request.Request(f"{world.url('gateway')}{SCHEMA}/tables", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return {table["name"]: table for table in json.load(answer)["tables"]}


def fields(world: World, table: str) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in tables(world)[table]["fields"]}


def all_ids(world: World) -> set[str]:
    found = tables(world).values()
    return {table["id"] for table in found} | {field["id"] for table in found for field in table["fields"]}


def is_one_link(world: World) -> None:
    """The two new tables have what is declared, no field more, and their links are the two sides of one."""
    parts, suppliers = fields(world, "Parts"), fields(world, "Suppliers")
    assert (set(parts), set(suppliers)) == ({"Name", "Made by"}, {"Name", "Parts"})
    assert suppliers["Parts"]["options"]["inverseLinkFieldId"] == parts["Made by"]["id"]


def test_a_schema_is_observed_then_created_then_applied(world: World, recorder: Recorder) -> None:
    world.operator.start()
    before, ids = tables(world), all_ids(world)
    declare(world, "Observe")
    told = await_reason(world, "SchemaDrift")
    assert "policy Observe leaves 7 of them to you" in told["message"]
    assert ("CreateTable", "Parts", None, "table") in drift(world)
    assert by_type(status(world))["Ready"]["status"] == "True", "drift does not make the base not ready"
    assert tables(world) == before

    declare(world, "Create")
    wait_until(lambda: len(drift(world)) == 3, lambda: str(drift(world)), 60)
    assert drift(world) == [("UpdateTable", "Customers", None, "description"), ("UpdateField", "Orders", "Total", "formula"), *LEFT]
    is_one_link(world)
    assert "Birthday" in fields(world, "Customers")
    assert tables(world)["Customers"]["description"] == before["Customers"]["description"]

    declare(world, "Apply")
    told = await_reason(world, "SchemaCannotChange")
    assert "never heard of" in told["message"]
    assert drift(world) == LEFT
    assert tables(world)["Customers"]["description"] == "Who buys, and why."
    orders = fields(world, "Orders")
    assert orders["Total"]["options"]["formula"] == f"{{{orders['Quantity']['id']}}} * 2", "Airtable keeps formulas by ids"
    assert ids <= all_ids(world), "nothing is removed"
    events = json.loads(world.kubectl("get", "events", "-o", "json"))["items"]
    reasons = {event["reason"] for event in events if event.get("regarding", event.get("involvedObject", {})).get("name") == "crm"}
    assert {"SchemaDrift", "SchemaChanged", "SchemaCannotChange"} <= reasons

    declare(world, "Apply", [DECLARED[0]])
    await_reason(world, "SchemaMatches")
    assert drift(world) == []
    assert ids <= all_ids(world), "what is declared no longer stays"
    world.kubectl("patch", "airtablebases/crm", "--type=json", "-p", json.dumps([{"op": "remove", "path": "/spec/schema"}]))
    wait_until(lambda: "SchemaMatches" not in by_type(status(world)), lambda: str(status(world)))
    versions = recorder.end()["crm"]
    check(versions)
    reasons = [reason for _, reason in story(versions, "SchemaMatches")]
    assert (reasons[0], reasons[-2:]) == ("SchemaDrift", ["SchemaCannotChange", "SchemaMatches"])


@pytest.mark.parametrize("write", range(1, 7))
def test_an_operator_killed_after_any_write_doubles_nothing(world: World, write: int) -> None:
    world.operator.start("operator::after-schema-write=" + (f"{write - 1}*off->return" if write > 1 else "return"))
    declare(world, "Apply")
    assert world.operator.await_crash(60), f"it lives on; see {world.operator.log}"
    world.operator.start()
    await_reason(world, "SchemaCannotChange")
    assert drift(world) == LEFT
    is_one_link(world)


def test_a_refused_schema_write_is_told_in_the_words_of_airtable_and_made_later(world: World) -> None:
    refusal = {"error": {"type": "INVALID_PERMISSIONS", "message": "You are not permitted to perform this operation"}}
    match = {"method": "POST", "pathContains": "/tables"}
    world.faults({"match": match, "times": 1, "kind": {"status": 403, "body": refusal}})
    world.operator.start()
    declare(world, "Create", [{"name": "Suppliers", "fields": [TEXT]}])
    told = await_reason(world, "SchemaWriteRefused")
    assert told["message"] == "CreateTable Suppliers: 403 INVALID_PERMISSIONS: You are not permitted to perform this operation"
    await_reason(world, "SchemaMatches")
    assert "Suppliers" in tables(world)


@pytest.mark.parametrize("cut", ["beforeEffect", "afterEffect"])
def test_a_schema_write_without_an_answer_is_made_once(world: World, cut: str) -> None:
    world.faults({"match": {"method": "POST", "pathContains": "/tables"}, "times": 1, "kind": {"cut": cut}})
    world.operator.start()
    declare(world, "Apply", DECLARED[2:])
    await_reason(world, "SchemaMatches")
    is_one_link(world)


def test_a_schema_at_rest_is_looked_at_and_nothing_is_written(world: World) -> None:
    world.operator.start()
    declare(world, "Create")
    wait_until(lambda: len(drift(world)) == 3, lambda: str(drift(world)), 60)
    version, found = status(world)["metadata"]["resourceVersion"], tables(world)
    seen = passes(world)
    wait_until(lambda: passes(world) > seen, "nobody looked at the schema again", 90, 1)
    assert status(world)["metadata"]["resourceVersion"] == version
    assert tables(world) == found


def test_the_command_line_shows_what_the_operator_will_do(world: World, pyairtable: Path) -> None:
    """By the gateway with a client's key, and by the base's own endpoint with its own token."""
    world.operator.start()
    declare(world, "Create")
    wait_until(lambda: len(drift(world)) == 3, lambda: str(drift(world)), 60)

    def plan(*options: str, token: str = "") -> tuple[int, list[tuple[str, str, str | None, str]], str]:
        command = [pyairtable, "base", "plan", "crm", "-n", world.namespace, "--kubeconfig", world.kubeconfig, "-o", "json", *options]
        environment = {"AIRTABLE_TOKEN": token, "PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        changes = json.loads(done.stdout)["changes"] if done.stdout else []
        return done.returncode, [(one["action"], one["table"], one.get("field"), one["what"]) for one in changes], done.stderr

    assert plan("--gateway", token=KEY) == (2, drift(world), "")
    code, _, complaint = plan("--gateway")
    assert (code, complaint) == (1, "error: no token: give --token-file or set AIRTABLE_TOKEN: a key of a client of the gateway\n")
    code, _, complaint = plan("--endpoint", world.url("simulator"))
    assert code == 1 and "the base's own is not sent to another endpoint" in complaint
    world.kubectl("patch", "airtablebases/crm", "--type=merge", "-p", json.dumps({"spec": {"endpoint": world.url("simulator")}}))
    assert plan() == (2, drift(world), "")


def passes(world: World) -> int:
    """Passes over the base that this operator has made."""
    with urllib.request.urlopen(f"{world.url('operator')}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if re.match(r"\w*reconcile_total\{.*AirtableBase", line))
