"""The main job as a user sees it: three resources, a saga that succeeds, one that is undone, and what kubectl shows."""

from __future__ import annotations

import subprocess

from node import DEMO, SYSTEM, Node


def test_the_demo_shows_a_saga_succeed_and_another_being_compensated(node: Node) -> None:
    done = subprocess.run([node.root / "minikube.sh", "demo"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded=True Completed" in done.stdout
    assert "Succeeded=False StepFailed" in done.stdout


def test_kubectl_wait_works_on_a_saga(node: Node) -> None:
    created = node.kubectl("-n", DEMO, "create", "-f", "-", "-o", "name", stdin=sample(node, "saga-order"))
    node.kubectl("-n", DEMO, "wait", "--for=condition=Succeeded", created.strip(), "--timeout=60s")


def test_a_failing_saga_leaves_nothing_in_airtable(node: Node) -> None:
    before = max((effect["seq"] for effect in node.effects()), default=0)
    created = node.kubectl("-n", DEMO, "create", "-f", "-", "-o", "name", stdin=sample(node, "saga-order-fails")).strip()
    node.kubectl("-n", DEMO, "wait", "--for=condition=Succeeded=False", created, "--timeout=60s")
    effects = [effect for effect in node.effects() if effect["seq"] > before]
    created_records = [effect["record"] for effect in effects if effect["operation"] == "create"]
    deleted_records = [effect["record"] for effect in effects if effect["operation"] == "delete"]
    assert len(created_records) == 2
    assert deleted_records == list(reversed(created_records))


def test_the_columns_read_well(node: Node) -> None:
    table = node.kubectl("-n", DEMO, "get", "airtablebases,workflows.pyairtable.dev,sagas.pyairtable.dev")
    for word in ("READY", "REASON", "TABLES", "STATE", "PROGRESS", "WAITING-ON", "AGE", "Succeeded", "Compensated", "3/3"):
        assert word in table, table


def test_the_events_of_a_saga_tell_its_story(node: Node) -> None:
    events = node.kubectl("-n", DEMO, "get", "events", "--field-selector", "involvedObject.kind=Saga")
    for reason in ("Completed", "Compensating", "StepFailed"):
        assert reason in events, events


def test_the_charts_own_test_runs_a_real_saga(node: Node) -> None:
    command = ["helm", "--kubeconfig", node.kubeconfig, "--namespace", SYSTEM, "test", "pyairtable", "--timeout", "2m"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr


def sample(node: Node, name: str) -> str:
    return "\n".join(
        line.replace("name:", "generateName:") + "-" if line.startswith("  name:") else line
        for line in (node.root / f"manifests/samples/{name}.yaml").read_text().splitlines()
    )
