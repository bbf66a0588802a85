"""Answers that are lost, late or refused: the outcome is unknown, never guessed."""

from __future__ import annotations

import pytest
from oracle import each_effect_once, each_effect_undone
from processes import wait_until
from recorder import by_type
from silence import Silence
from test_deletion import workflow
from test_verbs import condition
from world import World, airtable, order_saga, resource, step


@pytest.mark.parametrize("cut", ["beforeEffect", "afterEffect"])
def test_a_lost_answer_of_airtable_doubles_nothing(world: World, cut: str) -> None:
    world.faults({"match": {"method": "POST", "pathContains": "Orders"}, "kind": {"cut": cut}})
    world.operator.start()
    world.apply(order_saga("cut"))
    assert world.await_end("cut")["state"] == "Succeeded"
    each_effect_once(world.effects())


def test_a_lost_answer_on_the_way_back_leaves_nothing(world: World) -> None:
    world.faults({"match": {"method": "DELETE"}, "kind": {"cut": "afterEffect"}})
    world.operator.start()
    world.apply(order_saga("cut-back", fails=True))
    assert world.await_end("cut-back")["state"] == "Compensated"
    each_effect_undone(world.effects())


def test_a_late_effect_of_a_step_that_timed_out_is_undone(world: World) -> None:
    """The answer comes after every attempt was given up: the effect exists, and is taken back."""
    world.faults({"match": {"method": "POST", "pathContains": "Customers"}, "kind": {"holdMs": 4000}})
    slow = step("customer", airtable("create", table="Customers", fields={"Name": "late"}))
    slow |= {"timeoutSeconds": 1, "retryPolicy": {"maxAttempts": 1}}
    world.operator.start()
    world.apply(resource("Saga", "late", {"workerRef": {"name": "orders"}, "steps": [slow]}))
    status = world.await_end("late")
    assert status["state"] == "Compensated", status
    effects = world.effects()
    assert [effect["operation"] for effect in effects] == ["create", "delete"], effects


def test_a_refused_step_is_not_tried_again(world: World) -> None:
    bad = step("bad", airtable("create", table="Customers", fields={"No such field": 1}))
    world.operator.start()
    world.apply(resource("Saga", "bad", {"workerRef": {"name": "orders"}, "steps": [bad]}))
    status = world.await_end("bad")
    assert status["state"] == "Compensated"
    assert status["steps"][0]["state"] == "Failed"
    assert "No such field" in status["steps"][0]["message"], status
    assert world.effects() == []


def test_a_worker_that_takes_calls_and_stays_silent_leaves_the_outcome_unknown_until_one_answers(world: World) -> None:
    """Neither the action nor its undo is answered; both are asked for, the saga says so, and goes on by itself."""
    quiet = step("customer", airtable("create", table="Customers", fields={"Name": "unheard"}), timeoutSeconds=2)
    quiet |= {"retryPolicy": {"maxAttempts": 2, "initialBackoffSeconds": 0, "maxBackoffSeconds": 1}}
    quiet["compensation"]["timeoutSeconds"] = 2
    world.let_ledgers_be_older()
    world.worker.kill()
    with Silence(world.ports["worker"]) as silence:
        world.operator.start()
        world.apply(resource("Saga", "quiet", {"workerRef": {"name": "orders"}, "steps": [quiet]}))
        status = lambda: world.saga("quiet").get("status", {})  # noqa: E731
        wait_until(lambda: status().get("state") == "Compensating", lambda: str(status()), 20)
        found = status()
        assert found["steps"][0]["doubtful"] is True and found["steps"][0]["reason"] == "NoAnswer", found
        assert "did not answer attempt 2 by" in found["steps"][0]["message"], found
        assert "(its outcome is unknown)" in found["waitingOn"], found

        wait_until(lambda: any(one["type"] == "Stalled" for one in status()["conditions"]), lambda: str(status()), 40)
        stalled = condition(status(), "Stalled")
        assert stalled["status"] == "True" and stalled["reason"] == "NoAnswer", stalled
        assert "step customer was tried 5 times or more, and is tried on: the worker did not answer attempt" in stalled["message"]
        assert condition(status(), "Succeeded")["reason"] == "Compensating"
        wait_until(lambda: by_type(workflow(world)).get("Ready", {}).get("reason") == "WorkerUnreachable", lambda: str(workflow(world)), 40)
        assert by_type(workflow(world))["Ready"]["message"] == "the worker does not answer: no answer in time"

        calls = [line.split()[0] for line in silence.heard if "/v1/steps/" in line]
        assert calls[:2] == ["PUT", "PUT"] and set(calls[2:]) == {"DELETE"} and len(calls) >= 7, silence.heard
    world.worker.start()
    found = world.await_end("quiet")
    assert found["state"] == "Compensated" and [one["type"] for one in found["conditions"]] == ["Succeeded"], found
    assert world.effects() == []
    wait_until(lambda: by_type(workflow(world))["Ready"]["status"] == "True", lambda: str(workflow(world)), 40)
