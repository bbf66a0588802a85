"""A defect of the operator itself: the process ends, so that another one can lead, and the saga goes on there."""

from __future__ import annotations

from oracle import each_effect_once
from processes import wait_until
from world import World, order_saga


def test_an_operator_whose_controller_panics_ends_and_the_next_one_goes_on(world: World) -> None:
    world.operator.start("operator::before-intent=1*off->panic(a defect)")
    world.apply(order_saga("carried-on"))
    running = world.operator.running
    assert running is not None
    wait_until(lambda: running.poll() is not None, lambda: f"it lives on as {running.pid}; see {world.operator.log}")
    assert running.returncode == 1
    assert "the controllers ended" in world.operator.log.read_text()
    world.operator.running = None
    world.operator.start()
    assert world.await_end("carried-on")["state"] == "Succeeded"
    each_effect_once(world.effects())
