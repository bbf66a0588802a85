"""What people do to a running saga: cancel, suspend, delete, repair; and what must not start again."""

from __future__ import annotations

import json

from oracle import each_effect_undone
from processes import wait_until
from world import World, airtable, order_saga, resource, step


def slow_order(name: str) -> dict:
    """An order whose last step takes long, so that there is time to do something to it."""
    saga = order_saga(name)
    saga["spec"]["steps"].append(step("slow", {"operation": "wait", "input": {"seconds": 60}}, policy="None", timeoutSeconds=120))
    return saga


def await_step(world: World, saga: str, name: str, state: str) -> None:
    def is_there() -> bool:
        steps = world.saga(saga).get("status", {}).get("steps", [])
        return any(one["name"] == name and one["state"] == state for one in steps)

    wait_until(is_there, lambda: f"{name} is not {state}: {world.saga(saga).get('status')}")


def test_a_cancelled_saga_undoes_what_it_did(world: World) -> None:
    world.operator.start()
    saga = slow_order("cancelled")
    saga["spec"]["steps"][-1]["timeoutSeconds"] = 5
    saga["spec"]["steps"][-1]["retryPolicy"] = {"maxAttempts": 1}
    world.apply(saga)
    await_step(world, "cancelled", "slow", "Running")
    world.kubectl("patch", "saga", "cancelled", "--type=merge", "-p", json.dumps({"spec": {"cancellation": {"reason": "changed my mind"}}}))
    status = world.await_end("cancelled")
    assert status["state"] == "Compensated"
    assert condition(status, "Succeeded")["reason"] == "Cancelled"
    each_effect_undone(world.effects())


def test_a_deleted_saga_is_gone_only_after_its_effects_are(world: World) -> None:
    world.operator.start()
    saga = slow_order("deleted")
    saga["spec"]["steps"][-1]["timeoutSeconds"] = 3
    saga["spec"]["steps"][-1]["retryPolicy"] = {"maxAttempts": 1}
    world.apply(saga)
    await_step(world, "deleted", "slow", "Running")
    world.kubectl("delete", "saga", "deleted", "--timeout=60s")
    each_effect_undone(world.effects())


def test_a_suspended_saga_starts_nothing_until_it_is_resumed(world: World) -> None:
    world.operator.start()
    saga = order_saga("held")
    saga["spec"]["suspend"] = True
    world.apply(saga)
    wait_until(lambda: world.saga("held").get("status", {}).get("state") == "Suspended", "not suspended")
    assert condition(world.saga("held")["status"], "Suspended")["status"] == "True"
    assert world.effects() == []
    world.kubectl("patch", "saga", "held", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    assert world.await_end("held")["state"] == "Succeeded"


def test_a_saga_restored_without_its_journal_does_not_start_again(world: World) -> None:
    world.operator.start()
    world.apply(order_saga("once"))
    assert world.await_end("once")["state"] == "Succeeded"
    found = world.saga("once")
    before = len(world.effects())
    world.kubectl("delete", "saga", "once", "--timeout=30s")
    keep = {key: found["metadata"][key] for key in ("name", "annotations")}
    world.apply({"apiVersion": found["apiVersion"], "kind": "Saga", "metadata": keep, "spec": found["spec"]})

    def is_stalled() -> bool:
        status = world.saga("once").get("status", {})
        return any(one["type"] == "Stalled" and one["reason"] == "JournalLost" for one in status.get("conditions", []))

    wait_until(is_stalled, lambda: str(world.saga("once").get("status")))
    assert len(world.effects()) == before


def test_a_stuck_compensation_waits_for_a_person_and_goes_on_as_told(world: World) -> None:
    stuck = step("stuck", airtable("create", table="Customers", fields={"Name": "stuck"}), policy="Explicit")
    stuck["compensation"]["action"] = {"operation": "fail", "input": {"as": "Refused"}}
    fails = step("refused", {"operation": "fail", "input": {"as": "Refused"}}, policy="None")
    world.operator.start()
    world.apply(resource("Saga", "stuck", {"workerRef": {"name": "orders"}, "steps": [stuck, fails]}))
    wait_until(lambda: world.saga("stuck").get("status", {}).get("state") == "Stuck", lambda: str(world.saga("stuck")))
    stalled = condition(world.saga("stuck")["status"], "Stalled")
    assert stalled["reason"] == "CompensationStuck" and "spec.repairs" in stalled["message"], stalled
    repair = {"id": "1", "step": "stuck", "verb": "Resolve", "actor": "tests", "reason": "deleted by hand"}
    world.kubectl("patch", "saga", "stuck", "--type=merge", "-p", json.dumps({"spec": {"repairs": [repair]}}))
    status = world.await_end("stuck")
    assert status["state"] == "Compensated"
    assert status["repairs"][0]["result"] == "RepairApplied"


def test_a_saga_past_its_deadline_is_compensated(world: World) -> None:
    world.operator.start()
    saga = slow_order("tardy")
    saga["spec"]["activeDeadlineSeconds"] = 3
    saga["spec"]["steps"][-1]["timeoutSeconds"] = 4
    world.apply(saga)
    status = world.await_end("tardy")
    assert condition(status, "Succeeded")["reason"] == "DeadlineExceeded"
    each_effect_undone(world.effects())


def condition(status: dict, kind: str) -> dict:
    return next(one for one in status["conditions"] if one["type"] == kind)
