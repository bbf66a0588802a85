"""A process is killed at each point of a step, forward and back: each effect happens exactly once, or is undone.

The judge is no formality: the same kills with a ledger switched off are found guilty.
"""

from __future__ import annotations

import json

import pytest
from oracle import count, each_effect_once, each_effect_undone, undone_in_reverse
from test_verbs import await_step
from world import ADA, World, order_saga, step

INTENT = ["operator::before-intent", "operator::after-intent"]
OPERATOR = [*INTENT, "operator::before-call:do", "operator::before-result:do"]
OPERATOR_BACK = ["operator::before-call:undo", "operator::before-result:undo"]
WORKER = ["worker::after-intent:do", "worker::after-effect:do", "worker::before-answer:do"]
WORKER_BACK = ["worker::after-intent:undo", "worker::after-effect:undo", "worker::before-answer:undo"]
GATEWAY = ["gateway::after-intent", "gateway::after-effect", "gateway::before-answer"]

# Where a kill does harm that only this ledger prevents. That an undo happens twice has no second effect, and the points of
# the gateway are in its ledger, so that they are not passed without it.
GUILTY = [
    ("worker", "operator::before-result:do", 0),
    ("worker", "worker::after-effect:do", 0),
    ("worker", "worker::before-answer:do", 0),
    ("gateway", "worker::after-effect:do", 0),
    ("gateway", "worker::after-effect:do", 1),
]

FORWARD = [(name, hit) for name in OPERATOR + WORKER + GATEWAY for hit in (0, 1, 2)]
BACK = [(name, hit) for name in OPERATOR_BACK + WORKER_BACK for hit in (0, 1)] + [(name, hit) for name in GATEWAY for hit in (3, 4)]
BACK += dict.fromkeys((point, hit) for _, point, hit in GUILTY)
# The order in which `order_saga` is undone, and so the writes of the way back: an intent for each, the last with the end.
UNDONE = ["welcome", "order", "customer"]
INTENT_BACK = [(name, hit) for name in INTENT for hit in range(len(UNDONE) + 1)]


def kill_once(world: World, point: str, hit: int, saga: dict) -> dict:
    """Runs a saga while the process of the failpoint dies at its hit-th passing; the process comes back without it."""
    victim = getattr(world, point.split("::")[0])
    for process in (world.operator, victim):
        process.kill()
    world.apply(saga)
    victim.start(f"{point}={at(hit)}")
    if victim is not world.operator:
        victim.await_health()
        world.operator.start()
    assert victim.await_crash(60), f"{point} was not passed {hit + 1} times: nothing was tested"
    victim.start()
    victim.await_health()
    return world.await_end(saga["metadata"]["name"])


def at(hit: int) -> str:
    """The action of a failpoint that dies at its hit-th passing."""
    return f"{hit}*off->1*return" if hit else "1*return"


def judge_forward(world: World, status: dict, _: str) -> None:
    assert status["state"] == "Succeeded", status
    each_effect_once(world.effects())
    assert world.name_of(ADA) == "killed again"


def judge_back(world: World, status: dict, before: str) -> None:
    assert status["state"] == "Compensated", status
    each_effect_undone(world.effects())
    undone_in_reverse(world.effects())
    assert world.name_of(ADA) == before


WAYS = {
    "forward": (lambda: order_saga("killed", greets=ADA), judge_forward),
    "back": (lambda: order_saga("killed", fails=True, greets=ADA), judge_back),
}


@pytest.mark.parametrize(("way", "point", "hit"), [("forward", *one) for one in FORWARD] + [("back", *one) for one in BACK], ids=str)
def test_a_kill_loses_doubles_and_leaves_nothing(world: World, way: str, point: str, hit: int) -> None:
    saga, judge = WAYS[way]
    before = world.name_of(ADA)
    judge(world, kill_once(world, point, hit, saga()), before)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("ledger", "point", "hit"), GUILTY, ids=str)
def test_without_a_ledger_the_same_kill_is_found_guilty(world: World, ledger: str, point: str, hit: int, way: str) -> None:
    """A record is created twice, and the way back leaves one of the two."""
    forgetful = getattr(world, ledger)
    forgetful.always = f"{ledger}::without-ledger=return"
    world.restart(forgetful, "")
    world.let_ledgers_be_older()
    saga, judge = WAYS[way]
    before = world.name_of(ADA)
    status = kill_once(world, point, hit, saga())
    assert (count(world.effects(), "create"), count(world.effects(), "delete")) == (3, 0 if way == "forward" else 2), status
    with pytest.raises(AssertionError, match="create|delete"):
        judge(world, status, before)


@pytest.mark.parametrize(("point", "hit"), INTENT_BACK, ids=str)
def test_a_kill_around_an_intent_on_the_way_back_leaves_nothing(world: World, point: str, hit: int) -> None:
    """The saga rests before its last step while it is cancelled: from then on each pass is one of the way back."""
    before = world.name_of(ADA)
    saga = order_saga("killed", greets=ADA)
    rests = {"maxAttempts": 9, "initialBackoffSeconds": 3600, "maxBackoffSeconds": 3600}
    saga["spec"]["steps"].append(step("rests", {"operation": "fail", "input": {"as": "Unavailable"}}, policy="None", retryPolicy=rests))
    world.operator.start()
    world.apply(saga)
    await_step(world, "killed", "rests", "Waiting")
    world.operator.kill()
    world.kubectl("patch", "saga", "killed", "--type=merge", "-p", json.dumps({"spec": {"cancellation": {"reason": "enough"}}}))

    world.operator.start(f"{point}={at(hit)}")
    assert world.operator.await_crash(60), f"{point} was not passed {hit + 1} times: nothing was tested"
    written = hit + (point == "operator::after-intent")
    states = ["Compensated"] * (written - 1) + ["Compensating"] * (written > 0) + ["Succeeded"] * len(UNDONE)
    journal = world.saga("killed")["status"]
    assert [one["state"] for name in UNDONE for one in journal["steps"] if one["name"] == name] == states[: len(UNDONE)], journal
    assert ("completionTime" in journal) == (written > len(UNDONE)), journal

    world.operator.start()
    judge_back(world, world.await_end("killed"), before)
