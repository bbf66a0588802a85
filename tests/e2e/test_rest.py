"""With everything deployed and nothing to do, nothing is written."""

from __future__ import annotations

import os
import time
from collections import Counter

import api_writes
import pytest
from node import Node, Shelf, base, resource, secret, wait_until, workflow

BASES = 3
# Longer than the pause between two looks at something that is ready.
REST_SECONDS = int(os.environ.get("REST_SECONDS", "75"))

# Not stored, or of the kubelet and the control plane alone: reports of nodes, tokens, who may do what.
OF_THE_CLUSTER = ("nodes", "serviceaccounts/token", "tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews")


@pytest.mark.timeout(REST_SECONDS + 300)
def test_at_rest_with_deployed_children_nothing_is_written(node: Node, shelf: Shelf) -> None:
    steps = [{"name": "one", "action": {"operation": "airtable.find", "baseRef": {"name": "base-0"}, "input": {"table": "Customers"}}}]
    shelf.apply(
        secret("token", "pat"),
        *[base(f"base-{index}") for index in range(BASES)],
        *[workflow(f"flow-{index}", sagaTemplate={"steps": steps}) for index in range(BASES)],
        *[resource("Saga", f"run-{index}", {"workflowRef": {"name": f"flow-{index}"}}) for index in range(BASES)],
    )
    for index in range(BASES):
        shelf.await_ready("airtablebases", f"base-{index}")
        shelf.await_ready("workflows.pyairtable.dev", f"flow-{index}")
        shelf.kubectl("wait", "--for=condition=Succeeded", f"sagas.pyairtable.dev/run-{index}", "--timeout=90s")
    held = lambda: "pyairtable.dev/sagas" in node.kubectl("get", "workflows.pyairtable.dev,airtablebases", "-A", "-o", "yaml")  # noqa: E731
    wait_until(lambda: not held(), "a workflow or base is held for more than a minute after its last saga", 90)
    wait_until(lambda: unchanged(node), lambda: f"writes go on: {writes(node)}", 90, 0.1)
    before = writes(node)
    time.sleep(REST_SECONDS)
    assert writes(node) == before, f"written at rest: {writes(node) - before}"


def unchanged(node: Node) -> bool:
    before = writes(node)
    time.sleep(5)
    return writes(node) == before


def writes(node: Node) -> Counter[str]:
    counted = api_writes.writes(node.kubectl("get", "--raw", "/metrics"))
    return Counter({what: count for what, count in counted.items() if not what.split()[1].startswith(OF_THE_CLUSTER)})
