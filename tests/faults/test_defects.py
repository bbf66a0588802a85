"""A defect of the operator itself: the pass that met it failed and is repeated, and everything else goes on."""

from __future__ import annotations

from oracle import each_effect_once
from world import World, order_saga


def test_a_pass_that_panics_is_repeated_and_ends_neither_the_operator_nor_the_saga(world: World) -> None:
    world.operator.start("operator::before-intent=1*off->2*panic(a defect)->off")
    world.apply(order_saga("carried-on"))
    assert world.await_end("carried-on")["state"] == "Succeeded"
    running = world.operator.running
    assert running is not None and running.poll() is None, f"it ended; see {world.operator.log}"
    assert world.operator.log.read_text().count("a defect of the operator") == 2
    each_effect_once(world.effects())
