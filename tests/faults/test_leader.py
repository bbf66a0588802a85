"""Two operators with a lease: one leads, the other takes over, and nothing is done twice."""

from __future__ import annotations

import signal
import time

from oracle import each_effect_once
from processes import Process, wait_until
from test_verbs import await_step
from world import World, order_saga, step

# `operator/src/lease.rs`: how long a lease holds that nobody renews or gives back, and the pause between two looks at it.
LEASE_SECONDS, LOOK_SECONDS = 15, 2
HANDED_OVER_WITHIN_SECONDS = 5


def leader_and_other(world: World) -> tuple[Process, Process]:
    world.elect()
    for operator in (world.operator, world.operator_2):
        operator.start()
        operator.await_health()
    wait_until(lambda: world.leader() is not None, "nobody leads")
    leader = world.leader()
    return leader, world.operator_2 if leader is world.operator else world.operator


def in_mid_saga(world: World, leader: Process) -> None:
    """A saga under way by the leader alone: half of its effects are there, and a call is under way."""
    saga = order_saga("led")
    saga["spec"]["steps"].insert(2, step("pause", {"operation": "wait", "input": {"seconds": 3}}, policy="None", timeoutSeconds=60))
    world.apply(saga)
    await_step(world, "led", "pause", "Running")
    status = world.saga("led")["status"]
    assert status["epoch"] == 1 and is_of(status["holder"], leader), status


def is_of(identity: str, operator: Process) -> bool:
    return identity[:-9] == operator.name


def took_over(world: World, other: Process, since: float, within: float) -> float:
    """Seconds from `since` until the other leads."""
    wait_until(lambda: world.leader() is other, f"{other.name} did not take over in {within} s", within)
    return time.monotonic() - since


def ended_by(world: World, operator: Process) -> None:
    status = world.await_end("led")
    assert status["state"] == "Succeeded" and status["epoch"] == 2 and is_of(status["holder"], operator), status
    each_effect_once(world.effects())


def test_a_killed_leader_is_replaced_once_its_lease_has_run_out(world: World) -> None:
    leader, other = leader_and_other(world)
    in_mid_saga(world, leader)
    begun = time.monotonic()
    leader.kill()
    seconds = took_over(world, other, begun, LEASE_SECONDS + 3 * LOOK_SECONDS)
    assert seconds > LEASE_SECONDS - 2 * LOOK_SECONDS, f"taken over after {seconds:.1f} s, while the lease held"
    ended_by(world, other)
    print(f"a killed leader was replaced after {seconds:.1f} s")


def test_a_stopped_leader_hands_over_at_once(world: World) -> None:
    leader, other = leader_and_other(world)
    in_mid_saga(world, leader)
    begun = time.monotonic()
    leader.stop()
    seconds = took_over(world, other, begun, LEASE_SECONDS + 3 * LOOK_SECONDS)
    assert seconds < HANDED_OVER_WITHIN_SECONDS, f"the lease was handed over after {seconds:.1f} s"
    ended_by(world, other)
    print(f"a stopped leader handed over after {seconds:.1f} s")


def test_a_leader_that_was_frozen_ends_when_it_wakes_and_does_nothing_twice(world: World) -> None:
    """It sleeps through the end of its lease and of its saga: what it believes is old when it goes on."""
    leader, other = leader_and_other(world)
    in_mid_saga(world, leader)
    assert leader.running is not None
    leader.running.send_signal(signal.SIGSTOP)
    try:
        took_over(world, other, time.monotonic(), LEASE_SECONDS + 3 * LOOK_SECONDS)
        ended_by(world, other)
    finally:
        leader.running.send_signal(signal.SIGCONT)
    assert leader.running.wait(20) == 0, f"it goes on without the lease; see {leader.log}"
    leader.running = None
    assert world.leader() is other
    ended_by(world, other)
