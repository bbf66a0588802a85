"""Pods that are killed, children that are changed or deleted: all is put right, and sagas go on."""

from __future__ import annotations

import json
import time

import pytest
from node import DEMO, SYSTEM, Node, resource, wait_until

BACK_WITHIN_SECONDS = 30

PODS = {
    "operator": (SYSTEM, "app.kubernetes.io/component=operator"),
    "gateway": (DEMO, "app.kubernetes.io/component=gateway"),
    "worker": (DEMO, "app.kubernetes.io/component=worker"),
}


@pytest.mark.parametrize("which", PODS)
def test_a_killed_pod_is_back_and_ready(node: Node, which: str) -> None:
    namespace, label = PODS[which]
    before = {pod["metadata"]["uid"] for pod in pods(node, namespace, label)}
    assert before, f"there is no {which} to kill"
    begun = time.monotonic()
    node.kubectl("-n", namespace, "delete", "pod", "-l", label, "--grace-period=0", "--force")
    wait_until(lambda: is_back(node, namespace, label, before), f"{which} is not back", BACK_WITHIN_SECONDS)
    print(f"{which} was back and ready after {time.monotonic() - begun:.1f} s")


def test_a_saga_made_right_after_the_operator_was_killed_ends_in_time(node: Node) -> None:
    """A pod is ready before it leads: only a saga that ends shows that there is a leader again."""
    namespace, label = PODS["operator"]
    begun = time.monotonic()
    node.kubectl("-n", namespace, "delete", "pod", "-l", label, "--grace-period=0", "--force")
    name = f"led-{int(time.time())}"
    place_order(node, name)
    left = BACK_WITHIN_SECONDS - (time.monotonic() - begun)
    node.kubectl("-n", DEMO, "wait", "--for=condition=Succeeded", f"sagas.pyairtable.dev/{name}", f"--timeout={left:.0f}s")
    print(f"the saga ended {time.monotonic() - begun:.1f} s after the operator was killed")


def test_sagas_go_on_while_pods_are_killed(node: Node) -> None:
    """Each kind of pod is killed once while sagas run; every record is there once."""
    before = max((effect["seq"] for effect in node.effects()), default=0)
    names = []
    for round_number, which in enumerate(PODS):
        for index in range(2):
            name = f"kill-{int(time.time())}-{round_number}-{index}"
            names.append(name)
            place_order(node, name)
        namespace, label = PODS[which]
        node.kubectl("-n", namespace, "delete", "pod", "-l", label, "--grace-period=0", "--force")
    for name in names:
        node.kubectl("-n", DEMO, "wait", "--for=condition=Succeeded", f"sagas.pyairtable.dev/{name}", "--timeout=240s", seconds=260)
    created = [effect["fields"] for effect in node.effects() if effect["seq"] > before and effect["operation"] == "create"]
    customers = [fields["Name"] for fields in created if fields.get("Name") in names]
    assert sorted(customers) == sorted(names), "each customer is created exactly once"


@pytest.mark.parametrize("kind", ["deployment", "service", "networkpolicy", "serviceaccount", "configmap"])
def test_a_deleted_child_comes_back(node: Node, kind: str) -> None:
    node.kubectl("-n", DEMO, "delete", kind, "crm-gateway", "--wait=true")
    wait_until(lambda: node.try_kubectl("-n", DEMO, "get", kind, "crm-gateway").returncode == 0, f"{kind} is not back", 30)
    node.kubectl("-n", DEMO, "wait", "--for=condition=Ready", "airtablebases/crm", "--timeout=90s")


def test_a_changed_child_is_put_right(node: Node) -> None:
    node.kubectl("-n", DEMO, "scale", "deployment/crm-gateway", "--replicas=0")
    wait_until(lambda: node.get(DEMO, "deployment", "crm-gateway")["spec"]["replicas"] == 1, "replicas are still 0", 30)
    node.kubectl("-n", DEMO, "wait", "--for=condition=Ready", "airtablebases/crm", "--timeout=90s")


def place_order(node: Node, name: str) -> None:
    """A saga of the demo's workflow, whose customer and order have its name."""
    parameters = {"customer": name, "email": "k@example.com", "order": name, "quantity": 1, "unitPrice": 1, "payment": "Paid"}
    saga = resource("Saga", name, {"workflowRef": {"name": "place-order"}, "parameters": parameters})
    node.kubectl("-n", DEMO, "create", "-f", "-", stdin=json.dumps(saga))


def pods(node: Node, namespace: str, label: str) -> list[dict]:
    return node.get(namespace, "pods", "-l", label)["items"]


def is_back(node: Node, namespace: str, label: str, before: set[str]) -> bool:
    found = [pod for pod in pods(node, namespace, label) if pod["metadata"]["uid"] not in before]
    conditions = [one for pod in found for one in pod["status"].get("conditions", [])]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
