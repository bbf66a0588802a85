"""A process is killed at each point of a step, forward and back: each effect happens exactly once, or is undone."""

from __future__ import annotations

import pytest
from oracle import count, each_effect_once, each_effect_undone, undone_in_reverse
from world import ADA, World, order_saga

OPERATOR = ["operator::before-intent", "operator::after-intent", "operator::before-call:do", "operator::before-result:do"]
OPERATOR_BACK = ["operator::before-call:undo", "operator::before-result:undo"]
WORKER = ["worker::after-intent:do", "worker::after-effect:do", "worker::before-answer:do"]
WORKER_BACK = ["worker::after-intent:undo", "worker::after-effect:undo", "worker::before-answer:undo"]
GATEWAY = ["gateway::after-intent", "gateway::after-effect", "gateway::before-answer"]

FORWARD = [(name, hit) for name in OPERATOR + WORKER + GATEWAY for hit in (0, 1, 2)]
BACK = [(name, hit) for name in OPERATOR_BACK + WORKER_BACK for hit in (0, 1)] + [(name, hit) for name in GATEWAY for hit in (3, 4)]


def kill_once(world: World, point: str, hit: int, saga: dict) -> dict:
    """Runs a saga while the process of the failpoint dies at its hit-th passing; the process comes back without it."""
    victim = getattr(world, point.split("::")[0])
    action = f"{hit}*off->1*return" if hit else "1*return"
    for process in (world.operator, victim):
        process.kill()
    world.apply(saga)
    if victim is not world.operator:
        victim.start(f"{point}={action}")
        victim.await_health()
        world.operator.start()
    else:
        victim.start(f"{point}={action}")
    assert victim.await_crash(30), f"{point} was not passed {hit + 1} times: nothing was tested"
    victim.start()
    victim.await_health()
    return world.await_end(saga["metadata"]["name"])


@pytest.mark.parametrize(("point", "hit"), FORWARD, ids=lambda value: str(value))
def test_a_kill_on_the_way_forward_loses_and_doubles_nothing(world: World, point: str, hit: int) -> None:
    status = kill_once(world, point, hit, order_saga("forward", greets=ADA))
    assert status["state"] == "Succeeded", status
    each_effect_once(world.effects())
    assert world.name_of(ADA) == "forward again"


@pytest.mark.parametrize(("point", "hit"), BACK, ids=lambda value: str(value))
def test_a_kill_on_the_way_back_leaves_nothing(world: World, point: str, hit: int) -> None:
    before = world.name_of(ADA)
    status = kill_once(world, point, hit, order_saga("back", fails=True, greets=ADA))
    assert status["state"] == "Compensated", status
    each_effect_undone(world.effects())
    undone_in_reverse(world.effects())
    assert world.name_of(ADA) == before


def test_without_the_ledgers_the_same_kill_is_noticed(world: World) -> None:
    """The oracle is no formality: with both ledgers switched off the same kill doubles an effect."""
    off = "gateway::without-ledger=return;worker::without-ledger=return"
    world.restart(world.gateway, off)
    world.worker.kill()
    world.worker.start(f"{off};worker::after-effect:do=1*return")
    world.worker.await_health()
    world.operator.start()
    world.apply(order_saga("doubled"))
    assert world.worker.await_crash(30)
    world.worker.start(off)
    world.worker.await_health()
    assert world.await_end("doubled")["state"] == "Succeeded"
    assert count(world.effects(), "create") == 3
    with pytest.raises(AssertionError):
        each_effect_once(world.effects())
