"""A namespace of the real API server with simulator, gateway, worker and operator as processes on loopback."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from processes import Process, free_port, wait_until

BASE_ID = "appCRM00000000001"
# A customer of the simulator's own base.
ADA = "recCRM00000000101"
KEY = "key-of-the-tests"
FINAL = {"Succeeded", "Compensated", "Failed", "Invalid"}


class World:
    def __init__(self, binaries: Path, folder: Path, kubeconfig: str) -> None:
        self.namespace = f"faults-{uuid.uuid4().hex[:8]}"
        self.kubeconfig = kubeconfig
        self.folder = folder
        self.ports = {name: free_port() for name in ("simulator", "gateway", "worker", "operator", "operator-2")}
        for name, text in {"token": "patTest.secret", "key": KEY}.items():
            (folder / name).write_text(text)
        workloads, operator = str(binaries / "workloads"), str(binaries / "operator")
        self.simulator = self._process("simulator", [workloads, "simulator", "--limits", "off"])
        self.gateway = self._process("gateway", [
            workloads, "gateway", "--upstream", self.url("simulator"), "--base", BASE_ID, "--token-file", f"{folder}/token",
            "--client-key-file", f"{folder}/key", "--ledger", f"{folder}/gateway.redb", "--requests-per-second", "50", "--settle-seconds", "1",
        ])
        self.worker = self._process("worker", [
            workloads, "worker", "--ledger", f"{folder}/worker.redb", "--gateway-token-file", f"{folder}/key", "--client-key-file", f"{folder}/key",
        ])
        self.operator = self._operator(operator, "operator")
        self.operator_2 = self._operator(operator, "operator-2")
        self.all = [self.simulator, self.gateway, self.worker, self.operator, self.operator_2]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def _process(self, name: str, command: list[str]) -> Process:
        command = [*command, "--listen", f"127.0.0.1:{self.ports[name]}"]
        return Process(name, command, f"{self.url(name)}/health", self.folder / f"{name}.log")

    def _operator(self, binary: str, name: str) -> Process:
        return self._process(name, [
            binary, "run", "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, "--watch-namespace", self.namespace,
            "--no-leader-election", "--identity", name,
        ])

    def elect(self) -> None:
        """Operators that start from now on lead only while they hold the lease, which is in the world's namespace."""
        for operator in (self.operator, self.operator_2):
            operator.command.remove("--no-leader-election")

    def leader(self) -> Process | None:
        """The operator that holds the lease."""
        found = self.kubectl("get", "leases", "-o", "jsonpath={.items[*].spec.holderIdentity}")
        # An identity is the name that was given, a dash and eight random characters.
        return next((one for one in (self.operator, self.operator_2) if one.name == found[:-9]), None)

    def open(self) -> None:
        """Creates the namespace with a base and a workflow, and starts all but the operator."""
        self.kubectl("create", "namespace", self.namespace)
        self.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": KEY}},
            resource("AirtableBase", "crm", {
                "baseId": BASE_ID, "tokenSecretRef": {"name": "key"},
                "gateway": {"external": {"url": self.url("gateway"), "tokenSecretRef": {"name": "key"}}},
            }),
            resource("Workflow", "orders", {
                "worker": {"external": {"url": self.url("worker"), "tokenSecretRef": {"name": "key"}}},
                "sagaTemplate": {"steps": [{"name": "nothing", "action": {"operation": "wait", "input": {"seconds": 0}}}]},
            }),
        )
        # A gateway that meets no Airtable at its start says so for some seconds.
        self.simulator.start()
        self.simulator.await_health()
        for process in (self.gateway, self.worker):
            process.start()
        for process in (self.gateway, self.worker):
            process.await_health()

    def close(self) -> None:
        for process in self.all:
            process.kill()

    def restart(self, process: Process, failpoints: str) -> None:
        process.kill()
        process.start(failpoints)
        process.await_health()

    def let_ledgers_be_older(self) -> None:
        """A key of the second in which a ledger was born may be one that it has forgotten: journals have whole seconds."""
        time.sleep(1 - time.time() % 1)

    def apply(self, *objects: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        command = ["kubectl", "--kubeconfig", self.kubeconfig, "-n", self.namespace, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
        return done.stdout

    def saga(self, name: str) -> dict[str, Any]:
        return json.loads(self.kubectl("get", f"sagas.pyairtable.dev/{name}", "-o", "json"))

    def await_end(self, name: str, seconds: float = 60) -> dict[str, Any]:
        """The status of a saga once it has ended."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            found.clear()
            found.update(self.saga(name).get("status", {}))
            return found.get("state") in FINAL and "completionTime" in found

        wait_until(has_ended, lambda: f"saga {name} has not ended: {json.dumps(found, indent=1)}", seconds, 0.1)
        return dict(found)

    def get(self, name: str, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url(name)}{path}", timeout=5) as answer:
            return json.load(answer)

    def effects(self) -> list[dict[str, Any]]:
        """Every change of a record that the simulator made, oldest first."""
        return self.get("simulator", "/admin/effects")["effects"]

    def faults(self, *faults: dict[str, Any]) -> None:
        body = json.dumps({"faults": faults}).encode()
        request = urllib.request.Request(f"{self.url('simulator')}/admin/faults", body, {"content-type": "application/json"}, method="PUT")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status < 300

    def name_of(self, customer: str) -> str:
        """The name that a customer has now."""
        return next(record["fields"]["Name"] for record in self.records("Customers") if record["id"] == customer)

    def records(self, table: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(f"{self.url('simulator')}/v0/{BASE_ID}/{table}", headers={"authorization": "Bearer patTest.secret"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)["records"]


def resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "pyairtable.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def airtable(operation: str, **inputs: Any) -> dict[str, Any]:
    return {"operation": f"airtable.{operation}", "baseRef": {"name": "crm"}, "input": inputs}


def step(name: str, action: dict[str, Any], policy: str = "Auto", **more: Any) -> dict[str, Any]:
    patient = {"maxAttempts": 20, "initialBackoffSeconds": 0, "maxBackoffSeconds": 1}
    compensation = {"policy": policy, "timeoutSeconds": 5, "retryPolicy": patient}
    return {"name": name, "action": action, "compensation": compensation, "timeoutSeconds": 5, "retryPolicy": patient} | more


def order_saga(name: str, fails: bool = False, greets: str | None = None) -> dict[str, Any]:
    """Creates a customer and an order of theirs, and renames a customer: the new one, or the one that `greets` names.

    A failing one is refused at its last step.
    """
    steps = [
        step("customer", airtable("create", table="Customers", fields={"Name": name})),
        step("order", airtable("create", table="Orders", fields={"Order": name, "Customer": ["${steps.customer.outputs.recordId}"]})),
        step("welcome", airtable("update", table="Customers", recordId=greets or "${steps.customer.outputs.recordId}", fields={"Name": f"{name} again"})),
    ]
    if fails:
        steps.append(step("refused", {"operation": "fail", "input": {"as": "Refused"}}, policy="None"))
    return resource("Saga", name, {"workerRef": {"name": "orders"}, "steps": steps})
