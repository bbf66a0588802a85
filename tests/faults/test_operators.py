"""Operators that die, that are two, and that have nothing to do."""

from __future__ import annotations

import json
import os
import time
from collections import Counter

import api_writes
import pytest
from oracle import each_effect_once
from processes import wait_until
from world import World, order_saga, resource, step

LIVE_SAGAS = 500
# Longer than the pause between two looks at something that is ready, so that each is looked at while nothing changes.
REST_SECONDS = int(os.environ.get("REST_SECONDS", "70"))


def states(world: World) -> Counter[str]:
    items = json.loads(world.kubectl("get", "sagas.pyairtable.dev", "-o", "json"))["items"]
    return Counter(item.get("status", {}).get("state", "") for item in items)


@pytest.mark.timeout(600)
def test_an_operator_killed_with_500_live_sagas_loses_none(world: World) -> None:
    wait = [step(name, {"operation": "wait", "input": {"seconds": seconds}}, policy="None", timeoutSeconds=120) for name, seconds in (("long", 50), ("short", 0))]
    world.apply(*[resource("Saga", f"live-{index}", {"workerRef": {"name": "orders"}, "steps": wait}) for index in range(LIVE_SAGAS)])
    world.operator.start()
    wait_until(lambda: states(world)["Running"] == LIVE_SAGAS, lambda: str(states(world)), 60, 0.2)
    world.operator.kill()
    assert states(world) == {"Running": LIVE_SAGAS}
    world.operator.start()
    wait_until(lambda: states(world) == {"Succeeded": LIVE_SAGAS}, lambda: str(states(world)), 180, 1)


def test_two_operators_without_a_lease_double_nothing(world: World) -> None:
    world.operator.start()
    world.operator_2.start()
    names = [f"both-{index}" for index in range(5)]
    world.apply(*[order_saga(name) for name in names])
    for name in names:
        assert world.await_end(name, 120)["state"] == "Succeeded"
    effects = world.effects()
    for name in names:
        each_effect_once([effect for effect in effects if belongs_to(effect, name, effects)])


@pytest.mark.parametrize("fence", ["on", "off"])
def test_a_late_call_of_a_replaced_operator_has_no_effect_and_has_one_without_the_fence(world: World, fence: str) -> None:
    """The first operator is about to send a call; the second takes over, its own call is refused, and the saga ends.

    The ledgers would stop the late call as well: they are switched off, so that the fence alone is tested.
    """
    world.restart(world.gateway, "gateway::without-ledger=return")
    world.restart(world.worker, "worker::without-ledger=return" + (";worker::without-fence=return" if fence == "off" else ""))
    refused_once = {"match": {"method": "POST", "pathContains": "Customers"}, "times": 1, "kind": {"status": 422, "body": {"error": {"type": "INVALID_REQUEST_UNKNOWN", "message": "no"}}}}
    world.faults(refused_once)
    saga = order_saga("late")
    saga["spec"]["steps"] = [saga["spec"]["steps"][0] | {"timeoutSeconds": 30}]
    world.operator.start("operator::before-call:do=1*sleep(8000)")
    world.let_ledgers_be_older()
    world.apply(saga)
    wait_until(lambda: world.saga("late").get("status", {}).get("epoch") == 1, lambda: str(world.saga("late")))
    world.operator_2.start()
    status = world.await_end("late", 6)
    assert status["state"] == "Compensated" and status["epoch"] > 1, status
    assert world.effects() == []
    time.sleep(8)
    found = len(world.effects())
    assert found == (0 if fence == "on" else 1), world.effects()


def belongs_to(effect: dict, name: str, effects: list[dict]) -> bool:
    """True for an effect on a record that was created under this name."""
    created = [one for one in effects if one["operation"] == "create" and one["record"] == effect["record"]]
    return any(name in (one["fields"].get("Name"), one["fields"].get("Order")) for one in created)


def held(world: World) -> int:
    """How many workflows wait for sagas."""
    items = json.loads(world.kubectl("get", "workflows.pyairtable.dev", "-o", "json"))["items"]
    return sum(1 for item in items if item["metadata"].get("finalizers"))


@pytest.mark.timeout(600)
def test_at_rest_nothing_is_written(world: World) -> None:
    world.apply(*[
        resource("AirtableBase", f"base-{index}", {
            "baseId": f"appREST{index:010d}", "tokenSecretRef": {"name": "key"},
            "gateway": {"external": {"url": world.url("gateway"), "tokenSecretRef": {"name": "key"}}},
        })
        for index in range(50)
    ])
    template = {"steps": [{"name": "nothing", "action": {"operation": "wait", "input": {"seconds": 0}}}]}
    worker = {"external": {"url": world.url("worker"), "tokenSecretRef": {"name": "key"}}}
    world.apply(*[resource("Workflow", f"flow-{index}", {"worker": worker, "sagaTemplate": template}) for index in range(50)])
    world.apply(*[resource("Saga", f"run-{index}", {"workflowRef": {"name": f"flow-{index}"}}) for index in range(50)])
    world.operator.start()
    wait_until(lambda: states(world) == {"Succeeded": 50}, lambda: str(states(world)), 60, 0.5)
    wait_until(lambda: ready(world) == 102, lambda: f"{ready(world)} of 102 are ready", 60, 0.5)
    # A workflow is let go by its next look, a minute after its last saga at the latest.
    wait_until(lambda: held(world) == 0, lambda: f"{held(world)} workflows are held", 90, 0.5)
    # Events follow the writes that they tell of by a moment.
    wait_until(lambda: unchanged(world), "writes go on", 60, 0.1)
    before = writes(world)
    time.sleep(REST_SECONDS)
    assert writes(world) == before, f"written at rest: {writes(world) - before}"


def unchanged(world: World) -> bool:
    before = writes(world)
    time.sleep(2)
    return writes(world) == before


def ready(world: World) -> int:
    items = json.loads(world.kubectl("get", "airtablebases,workflows.pyairtable.dev", "-o", "json"))["items"]
    conditions = [one for item in items for one in item.get("status", {}).get("conditions", [])]
    return sum(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def writes(world: World) -> Counter[str]:
    return api_writes.writes(world.kubectl("get", "--raw", "/metrics"))
