"""One trace for each saga: what was done for it is found by its uid."""

from __future__ import annotations

import re

from world import World, order_saga


def test_a_sagas_uid_finds_what_the_worker_did_and_undid_for_it(world: World) -> None:
    world.operator.start()
    world.apply(order_saga("traced", fails=True), order_saga("other"))
    world.await_end("traced")
    world.await_end("other")
    lines = [plain(line) for line in world.worker.log.read_text().splitlines()]
    trace = world.saga("traced")["metadata"]["uid"].replace("-", "")
    of_the_saga = [line for line in lines if trace in line]
    assert any("PUT" in line for line in of_the_saga) and any("DELETE" in line for line in of_the_saga), lines
    other = world.saga("other")["metadata"]["uid"].replace("-", "")
    assert other != trace and any(other in line for line in lines)
    assert not any(other in line for line in of_the_saga)


def plain(line: str) -> str:
    """Without the colours of text for people at a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line)
