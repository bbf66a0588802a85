"""Answers that are lost, late or refused: the outcome is unknown, never guessed."""

from __future__ import annotations

import pytest
from oracle import each_effect_once, each_effect_undone
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
