"""What is deleted under a saga that runs: nothing is left half done, and nothing is held for ever."""

from __future__ import annotations

import json
import time

from oracle import each_effect_undone
from processes import wait_until
from test_verbs import await_step, condition, slow_order
from world import World, order_saga, resource

HOLD = "pyairtable.dev/sagas"


def workflow(world: World) -> dict:
    return json.loads(world.kubectl("get", "workflows.pyairtable.dev/orders", "-o", "json"))


def names(world: World, kind: str) -> list[str]:
    return world.kubectl("get", kind, "-o", "name").split()


def is_gone(world: World, kind: str, name: str) -> bool:
    return not any(found.endswith(f"/{name}") for found in names(world, kind))


def run_of_workflow(world: World, name: str, **spec: object) -> None:
    """A saga under way whose steps are the workflow's."""
    found = workflow(world)
    found["spec"]["sagaTemplate"] = {"steps": slow_order(name)["spec"]["steps"]}
    world.apply({key: found[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "orders"}})
    world.apply(resource("Saga", name, {"workflowRef": {"name": "orders"}} | spec))
    await_step(world, name, "slow", "Running")


def test_a_deleted_workflow_goes_only_after_its_sagas_have_ended(world: World) -> None:
    world.operator.start()
    run_of_workflow(world, "first")
    assert HOLD in workflow(world)["metadata"]["finalizers"]
    world.kubectl("delete", "workflows.pyairtable.dev/orders", "--wait=false")
    wait_until(lambda: condition(workflow(world)["status"], "Ready")["reason"] == "SagasUnderWay", lambda: str(workflow(world)))
    assert "1 are under way" in condition(workflow(world)["status"], "Ready")["message"]

    world.apply(resource("Saga", "late", {"workflowRef": {"name": "orders"}}))
    wait_until(lambda: world.saga("late").get("status", {}).get("state") == "Pending", lambda: str(world.saga("late")))
    assert "being deleted" in condition(world.saga("late")["status"], "Stalled")["message"]

    world.kubectl("patch", "saga", "first", "--type=merge", "-p", '{"spec":{"cancellation":{"reason":"enough"}}}')
    world.restart(world.worker, "")  # ends the slow step's call
    assert world.await_end("first", 120)["state"] == "Compensated"
    each_effect_undone(world.effects())
    wait_until(lambda: is_gone(world, "workflows.pyairtable.dev", "orders"), lambda: str(workflow(world)))


def test_a_deleted_base_goes_only_after_the_sagas_that_use_it_have_ended(world: World) -> None:
    world.operator.start()
    run_of_workflow(world, "first")
    base = lambda: json.loads(world.kubectl("get", "airtablebases/crm", "-o", "json"))  # noqa: E731
    assert HOLD in base()["metadata"]["finalizers"]
    world.kubectl("delete", "airtablebases/crm", "--wait=false")
    wait_until(lambda: condition(base()["status"], "Ready")["reason"] == "SagasUnderWay", lambda: str(base()))
    world.restart(world.operator, "")  # which has to read the definition of the saga again
    world.kubectl("patch", "saga", "first", "--type=merge", "-p", '{"spec":{"cancellation":{"reason":"enough"}}}')
    world.restart(world.worker, "")  # ends the slow step's call
    assert world.await_end("first", 120)["state"] == "Compensated"
    each_effect_undone(world.effects())
    wait_until(lambda: is_gone(world, "airtablebases.pyairtable.dev", "crm"), lambda: str(base()))


def test_a_saga_that_has_not_begun_does_not_begin_with_a_base_that_goes(world: World) -> None:
    world.operator.start()
    run_of_workflow(world, "first")
    world.kubectl("delete", "airtablebases/crm", "--wait=false")
    time.sleep(1)  # times of objects are whole seconds: what began in the second of the deletion is served
    world.apply(order_saga("late"))
    wait_until(lambda: "BaseNotReady" in str(world.saga("late").get("status")), lambda: str(world.saga("late")))
    turned_away = lambda: world.saga("late")["status"]["steps"][0].get("turnedAway", 0)  # noqa: E731
    wait_until(lambda: turned_away() >= 3, lambda: str(world.saga("late")["status"]))
    assert not any("late" in str(effect) for effect in world.effects())

    world.kubectl("patch", "saga", "first", "--type=merge", "-p", '{"spec":{"cancellation":{"reason":"enough"}}}')
    world.restart(world.worker, "")  # ends the slow step's call
    assert world.await_end("first", 120)["state"] == "Compensated"
    wait_until(lambda: is_gone(world, "airtablebases.pyairtable.dev", "crm"), "the base waits for a saga that waits for it")


def test_a_workflow_without_sagas_under_way_is_held_by_nothing(world: World) -> None:
    world.operator.start()
    world.apply(order_saga("done"))
    assert world.await_end("done")["state"] == "Succeeded"
    world.kubectl("delete", "workflows.pyairtable.dev/orders", "--timeout=20s")
    assert is_gone(world, "workflows.pyairtable.dev", "orders")


def test_a_saga_without_its_workflow_goes_when_somebody_has_seen_to_its_effects(world: World) -> None:
    world.operator.start()
    run_of_workflow(world, "orphan")
    world.kubectl("patch", "workflows.pyairtable.dev/orders", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    world.kubectl("delete", "workflows.pyairtable.dev/orders", "--wait=false")
    world.kubectl("delete", "saga", "orphan", "--wait=false")
    world.restart(world.operator, "")

    def stalled() -> str:
        found = [one for one in world.saga("orphan")["status"]["conditions"] if one["type"] == "Stalled"]
        return found[0]["message"] if found else ""

    wait_until(lambda: "by hand" in stalled(), lambda: str(world.saga("orphan")["status"]))
    assert "Workflow orders does not exist" in stalled() and "customer, order, welcome, slow" in stalled()

    def repaired(*steps: str) -> str:
        repairs = [{"id": step, "step": step, "verb": "Resolve", "actor": "tests", "reason": "deleted by hand"} for step in steps]
        return json.dumps({"spec": {"repairs": repairs}})

    world.kubectl("patch", "saga", "orphan", "--type=merge", "-p", repaired("customer"))
    wait_until(lambda: "of order, welcome, slow by hand" in stalled(), stalled)
    world.kubectl("patch", "saga", "orphan", "--type=merge", "-p", repaired("customer", "order", "welcome", "slow"))
    wait_until(lambda: is_gone(world, "sagas.pyairtable.dev", "orphan"), lambda: str(world.saga("orphan")))
    events = world.kubectl("get", "events.events.k8s.io", "-o", "jsonpath={.items[*].reason}")
    assert "EffectsLeft" in events, events


def test_old_definitions_go_but_for_those_of_sagas_under_way(world: World) -> None:
    world.operator.start()
    run_of_workflow(world, "old")
    kept = world.saga("old")["status"]["revision"]
    for seconds in range(13):
        steps = [{"name": "nothing", "action": {"operation": "wait", "input": {"seconds": seconds}}}]
        world.kubectl("patch", "workflows.pyairtable.dev/orders", "--type=merge", "-p", json.dumps({"spec": {"sagaTemplate": {"steps": steps}}}))
        generation = workflow(world)["metadata"]["generation"]
        wait_until(lambda: workflow(world)["status"].get("observedGeneration") == generation, lambda: str(workflow(world)))
    revisions = names(world, "controllerrevisions.apps")
    assert f"controllerrevision.apps/{kept}" in revisions
    assert len(revisions) == 12, revisions  # the current one, the one in use, ten old ones
