"""The node and a namespace of it, through kubectl alone."""

from __future__ import annotations

import json
import re
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

SYSTEM, DEMO = "pyairtable-system", "pyairtable-demo"
BASE_ID = "appCRM00000000001"
SIMULATOR = f"http://pyairtable-simulator.{SYSTEM}.svc:8090"


class Node:
    def __init__(self, root: Path, kubeconfig: str) -> None:
        self.root, self.kubeconfig = root, kubeconfig
        self.image = (root / "dist/workloads.image").read_text().strip()

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = 120) -> str:
        done = self.try_kubectl(*arguments, stdin=stdin, seconds=seconds)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def try_kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "--kubeconfig", self.kubeconfig, *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds)

    def get(self, namespace: str, *what: str) -> dict[str, Any]:
        return json.loads(self.kubectl("-n", namespace, "get", *what, "-o", "json"))

    def effects(self) -> list[dict[str, Any]]:
        path = f"/api/v1/namespaces/{SYSTEM}/services/pyairtable-simulator:8090/proxy/admin/effects"
        return json.loads(self.kubectl("get", "--raw", path))["effects"]


class Shelf:
    """A namespace that a test fills and that is gone afterwards."""

    def __init__(self, node: Node, test: str) -> None:
        self.node = node
        self.name = f"e2e-{re.sub('[^a-z0-9]+', '-', test.lower())[:40].strip('-')}-{uuid.uuid4().hex[:5]}"

    def open(self) -> None:
        self.node.kubectl("create", "namespace", self.name)
        self.node.kubectl("label", "namespace", self.name, "pod-security.kubernetes.io/enforce=restricted")

    def close(self) -> None:
        self.node.kubectl("delete", "namespace", self.name, "--wait=false")

    def apply(self, *objects: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def kubectl(self, *arguments: str, **options: Any) -> str:
        return self.node.kubectl("-n", self.name, *arguments, **options)

    def get(self, *what: str) -> dict[str, Any]:
        return self.node.get(self.name, *what)

    def patch(self, what: str, name: str, patch: dict[str, Any]) -> None:
        self.kubectl("patch", what, name, "--type=merge", "-p", json.dumps(patch))

    def condition(self, what: str, name: str, kind: str) -> dict[str, Any]:
        conditions = self.get(what, name).get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == kind), {})

    def await_ready(self, what: str, name: str, seconds: float = 60) -> None:
        wait_until(lambda: self.condition(what, name, "Ready").get("status") == "True", lambda: str(self.get(what, name).get("status")), seconds)

    def await_reason(self, what: str, name: str, reason: str, seconds: float = 90) -> str:
        """The message of Ready once it has this reason; it stays `False`, and Stalled tells the same."""
        wait_until(lambda: self.condition(what, name, "Ready").get("reason") == reason, lambda: str(self.get(what, name).get("status")), seconds)
        return self.condition(what, name, "Ready")["message"]


def wait_until(holds, message, seconds: float, pause: float = 0.5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, message() if callable(message) else message
        time.sleep(pause)


def resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "pyairtable.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def secret(name: str, token: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": token}}


def base(name: str = "crm", **spec: Any) -> dict[str, Any]:
    return resource("AirtableBase", name, {"baseId": BASE_ID, "tokenSecretRef": {"name": "token"}, "endpoint": SIMULATOR} | spec)


def workflow(name: str = "flow", **spec: Any) -> dict[str, Any]:
    action = {"operation": "airtable.create", "baseRef": {"name": "crm"}, "input": {"table": "Customers", "fields": {"Name": "${parameters.name}"}}}
    steps = [{"name": "customer", "action": action, "compensation": {"policy": "Auto"}}]
    return resource("Workflow", name, {"sagaTemplate": {"steps": steps}} | spec)
