"""What goes wrong at users' places: each gives a reason and a message, and is well again by itself once it is mended."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.error
import urllib.request

from node import BASE_ID, Shelf, base, resource, secret, wait_until, workflow


def strict_simulator(shelf: Shelf, tokens: str) -> str:
    """A simulator of the test's own that accepts only these tokens; its URL."""
    labels = {"app": "strict"}
    container = {
        "name": "simulator", "image": shelf.node.image, "imagePullPolicy": "IfNotPresent",
        "args": ["simulator", "--listen=0.0.0.0:8090", f"--token={tokens}"],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8090}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {"securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}, "containers": [container]}
    shelf.apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "strict"},
         "spec": {"selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"}, "template": {"metadata": {"labels": labels}, "spec": pod}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "strict"}, "spec": {"selector": labels, "ports": [{"port": 8090}]}},
    )
    shelf.kubectl("rollout", "status", "deployment/strict", "--timeout=60s")
    return f"http://strict.{shelf.name}.svc:8090"


def test_a_missing_secret_then_a_missing_key(shelf: Shelf) -> None:
    shelf.apply(base())
    message = shelf.await_reason("airtablebases", "crm", "SecretMissing")
    assert "Secret token does not exist" in message, message
    shelf.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"other": "x"}})
    assert "no key token" in shelf.await_reason("airtablebases", "crm", "SecretKeyMissing")
    shelf.apply(secret("token", "pat"))
    shelf.await_ready("airtablebases", "crm", 150)


def test_a_refused_token(shelf: Shelf) -> None:
    url = strict_simulator(shelf, "patRight")
    shelf.apply(secret("token", "patWrong"), base(endpoint=url))
    message = shelf.await_reason("airtablebases", "crm", "TokenRefused")
    assert "patWrong" not in message
    shelf.apply(secret("token", "patRight"))
    shelf.await_ready("airtablebases", "crm", 150)


def test_an_unknown_base(shelf: Shelf) -> None:
    shelf.apply(secret("token", "pat"), base(baseId="appNOBODYKNOWS000"))
    shelf.await_reason("airtablebases", "crm", "BaseNotFound")
    shelf.kubectl("delete", "airtablebase", "crm")
    shelf.apply(base())
    shelf.await_ready("airtablebases", "crm", 90)


def test_an_airtable_that_can_not_be_reached(shelf: Shelf) -> None:
    shelf.apply(secret("token", "pat"), base(endpoint="http://nobody.here.svc:1"))
    shelf.await_reason("airtablebases", "crm", "UpstreamUnreachable")
    shelf.patch("airtablebase", "crm", {"spec": {"endpoint": base()["spec"]["endpoint"]}})
    shelf.await_ready("airtablebases", "crm", 90)


def test_a_bad_image(shelf: Shelf) -> None:
    shelf.apply(secret("token", "pat"), base(gateway={"image": "localhost/no/such:image"}))
    message = shelf.await_reason("airtablebases", "crm", "ImageNotAvailable")
    assert "localhost/no/such:image" in message, message
    shelf.patch("airtablebase", "crm", {"spec": {"gateway": None}})
    shelf.await_ready("airtablebases", "crm", 90)


def test_a_worker_that_can_not_be_reached(shelf: Shelf) -> None:
    """There is nobody at the worker's address, so that nothing was done; its saga waits, says why, and ends well once there is one.

    One that takes calls and stays silent is in `tests/faults/test_network.py`.
    """
    shelf.apply(secret("token", "pat"), base(), workflow(worker={"external": {"url": f"http://strict.{shelf.name}.svc:8090"}}))
    shelf.apply(resource("Saga", "patient", {"workflowRef": {"name": "flow"}, "parameters": {"name": "patient"}}))
    shelf.await_reason("workflows.pyairtable.dev", "flow", "WorkerUnreachable")
    wait_until(lambda: "WorkerUnreachable" in str(shelf.get("sagas.pyairtable.dev", "patient").get("status")), lambda: str(shelf.get("sagas.pyairtable.dev", "patient")), 60)
    shelf.patch("workflows.pyairtable.dev", "flow", {"spec": {"worker": None}})
    shelf.await_ready("workflows.pyairtable.dev", "flow", 90)
    shelf.kubectl("wait", "--for=condition=Succeeded", "sagas.pyairtable.dev/patient", "--timeout=90s")


def test_a_rotated_token_reaches_the_gateway_without_a_restart_and_without_a_failed_request(shelf: Shelf) -> None:
    url = strict_simulator(shelf, "patOld,patNew")
    client = {"name": "test", "keySecretRef": {"name": "key"}}
    shelf.apply(secret("token", "patOld"), secret("key", "key-of-the-test"), base(endpoint=url, clients=[client], gateway={"storage": {"sizeMebibytes": 16}}))
    shelf.await_ready("airtablebases", "crm", 120)
    gateway = shelf.get("pods", "-l", "app.kubernetes.io/component=gateway")["items"][0]["metadata"]
    with Reader(shelf, "crm-gateway") as reader:
        wait_until(lambda: reader.answers > 3, "the gateway answers nothing", 30)
        shelf.apply(secret("token", "patNew"))
        # From now on the old token is worth nothing.
        strict_simulator(shelf, "patNew")
        wait_until(lambda: reader.answers_since_change(), "no answer with the new token", 200)
    assert reader.failures == [], reader.failures
    after = shelf.get("pods", "-l", "app.kubernetes.io/component=gateway")["items"][0]
    assert after["metadata"]["uid"] == gateway["uid"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0


class Reader:
    """Reads a record list through the gateway again and again, and remembers what failed."""

    def __init__(self, shelf: Shelf, service: str) -> None:
        command = ["kubectl", "--kubeconfig", shelf.node.kubeconfig, "-n", shelf.name, "port-forward", f"service/{service}", ":8002"]
        self.forward = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.forward.stdout is not None
        self.port = int(self.forward.stdout.readline().split(":")[1].split(" ")[0])
        self.answers, self.failures, self.marked = 0, [], -1
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)

    def __enter__(self) -> Reader:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(200)
        self.forward.terminate()
        self.forward.wait(10)

    def answers_since_change(self) -> bool:
        """True once an answer came that was asked for after the first call of this."""
        if self.marked < 0:
            self.marked = self.answers
        return self.answers > self.marked + 1

    def read(self) -> None:
        while not self.stop.wait(0.3):
            request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v0/{BASE_ID}/Customers?maxRecords=1", headers={"authorization": "Bearer key-of-the-test"})
            try:
                with urllib.request.urlopen(request, timeout=180) as answer:
                    json.load(answer)
                self.answers += 1
            except urllib.error.HTTPError as error:
                self.failures.append(f"{error.code} {error.read()[:300]!r}")
            except OSError as error:
                self.failures.append(str(error))
