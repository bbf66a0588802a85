"""What conditions say while things come, go wrong and are mended, in every version that a watch shows (kstatus)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from processes import wait_until
from recorder import Recorder, by_type, check, story
from test_verbs import await_step
from world import BASE_ID, World, airtable, resource, step

KINDS = {"bases": "airtablebases", "workflows": "workflows.pyairtable.dev", "sagas": "sagas.pyairtable.dev"}


@pytest.fixture
def recorders(world: World) -> Iterator[dict[str, Recorder]]:
    started = {name: Recorder(world, plural) for name, plural in KINDS.items()}
    try:
        yield started
    finally:
        for recorder in started.values():
            recorder.stop()


def await_reason(world: World, kind: str, name: str, condition: str, reason: str) -> None:
    get = lambda: json.loads(world.kubectl("get", f"{KINDS[kind]}/{name}", "-o", "json"))  # noqa: E731
    wait_until(lambda: by_type(get()).get(condition, {}).get("reason") == reason, lambda: str(get().get("status")), 40)


def patch(world: World, kind: str, name: str, spec: dict) -> None:
    world.kubectl("patch", f"{KINDS[kind]}/{name}", "--type=merge", "-p", json.dumps({"spec": spec}))


def test_no_version_of_a_base_contradicts_itself(world: World, recorders: dict[str, Recorder]) -> None:
    """One with a gateway elsewhere becomes ready; one whose pods nobody starts here stays on its way."""
    world.operator.start()
    world.apply(resource("AirtableBase", "deployed", {"baseId": BASE_ID, "tokenSecretRef": {"name": "key"}}))
    await_reason(world, "bases", "crm", "Ready", "Ready")
    await_reason(world, "bases", "deployed", "Reconciling", "PodsNotReady")
    for name in ("crm", "deployed"):
        external = {"gateway": {"external": {"tokenSecretRef": {"name": "gone"}}}} if name == "crm" else {}
        patch(world, "bases", name, {"tokenSecretRef": {"name": "gone"}} | external)
        await_reason(world, "bases", name, "Stalled", "SecretMissing")
    for name in ("crm", "deployed"):
        external = {"gateway": {"external": {"tokenSecretRef": {"name": "key"}}}} if name == "crm" else {}
        patch(world, "bases", name, {"tokenSecretRef": {"name": "key"}} | external)
    await_reason(world, "bases", "crm", "Ready", "Ready")
    await_reason(world, "bases", "deployed", "Reconciling", "PodsNotReady")

    found = recorders["bases"].end()
    for versions in found.values():
        check(versions)
    assert story(found["crm"], "Ready")[-3:] == [("True", "Ready"), ("False", "SecretMissing"), ("True", "Ready")]
    assert story(found["deployed"], "Ready")[-3:] == [("False", "PodsNotReady"), ("False", "SecretMissing"), ("False", "PodsNotReady")]


def test_no_version_of_a_workflow_contradicts_itself(world: World, recorders: dict[str, Recorder]) -> None:
    world.operator.start()
    template = {"steps": [{"name": "one", "action": {"operation": "airtable.find", "baseRef": {"name": "crm"}, "input": {"table": "Customers"}}}]}
    world.apply(resource("Workflow", "deployed", {"sagaTemplate": template}))
    await_reason(world, "bases", "crm", "Ready", "Ready")
    await_reason(world, "workflows", "orders", "Ready", "Ready")
    await_reason(world, "workflows", "deployed", "Reconciling", "PodsNotReady")
    world.worker.kill()
    nobody = {"steps": [{"name": "one", "action": {"operation": "airtable.find", "baseRef": {"name": "nobody"}, "input": {"table": "Customers"}}}]}
    patch(world, "workflows", "orders", {"sagaTemplate": template})
    patch(world, "workflows", "deployed", {"sagaTemplate": nobody})
    await_reason(world, "workflows", "orders", "Stalled", "WorkerUnreachable")
    world.worker.start()
    patch(world, "workflows", "deployed", {"sagaTemplate": template})
    await_reason(world, "workflows", "orders", "Ready", "Ready")

    found = recorders["workflows"].end()
    for versions in found.values():
        check(versions)
    assert story(found["orders"], "Ready")[-3:] == [("True", "Ready"), ("False", "WorkerUnreachable"), ("True", "Ready")]
    assert ("False", "PodsNotReady") in story(found["deployed"], "Ready")


def test_no_version_of_a_saga_contradicts_itself(world: World, recorders: dict[str, Recorder]) -> None:
    """One waits for its workflow, loses its worker, is held and succeeds; another needs a person before it has undone its step."""
    world.operator.start()
    eager = {"maxAttempts": 50, "initialBackoffSeconds": 0, "maxBackoffSeconds": 1}
    slow = step("slow", {"operation": "wait", "input": {"seconds": 2}}, policy="None", timeoutSeconds=30, retryPolicy=eager)
    world.apply(resource("Saga", "patient", {"workerRef": {"name": "later"}, "steps": [slow, step("one", airtable("create", table="Customers", fields={"Name": "x"}))]}))
    await_reason(world, "sagas", "patient", "Stalled", "WorkflowMissing")
    orders = json.loads(world.kubectl("get", "workflows.pyairtable.dev/orders", "-o", "json"))
    world.apply(resource("Workflow", "later", orders["spec"]))
    await_step(world, "patient", "slow", "Running")
    world.worker.kill()
    await_reason(world, "sagas", "patient", "Stalled", "WorkerUnreachable")
    patch(world, "sagas", "patient", {"suspend": True})
    await_reason(world, "sagas", "patient", "Suspended", "Suspended")
    world.worker.start()
    patch(world, "sagas", "patient", {"suspend": False})

    stuck = step("stuck", airtable("create", table="Customers", fields={"Name": "stuck"}), policy="Explicit")
    stuck["compensation"]["action"] = {"operation": "fail", "input": {"as": "Refused"}}
    fails = step("refused", {"operation": "fail", "input": {"as": "Refused"}}, policy="None")
    world.apply(resource("Saga", "stuck", {"workerRef": {"name": "orders"}, "steps": [stuck, fails]}))
    await_reason(world, "sagas", "stuck", "Stalled", "CompensationStuck")
    patch(world, "sagas", "stuck", {"repairs": [{"id": "1", "step": "stuck", "verb": "Skip", "actor": "tests", "reason": "it may stay"}]})
    assert world.await_end("patient")["state"] == "Succeeded"
    assert world.await_end("stuck")["state"] == "Failed"

    found = recorders["sagas"].end()
    for versions in found.values():
        check(versions)
    assert [reason for _, reason in story(found["patient"], "Stalled")] == ["WorkflowMissing", "WorkerUnreachable"]
    assert story(found["patient"], "Succeeded")[-1] == ("True", "Completed")
    assert story(found["stuck"], "Succeeded")[-1] == ("False", "EffectsLeft")
