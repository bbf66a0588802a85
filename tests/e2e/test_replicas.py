"""A gateway of two pods before one store: one ledger, pods that are replaced one by one, a store that goes and comes back."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from node import BASE_ID, Node, Shelf, base, secret, wait_until
from test_troubles import Reader

IMAGE = "localhost/pyairtable/store:test"
PASSWORD = "of-the-test"
GATEWAYS = "app.kubernetes.io/component=gateway"
CLIENT = {"name": "test", "keySecretRef": {"name": "key"}}
STORE = {"urlSecretRef": {"name": "store"}}


@pytest.fixture(scope="session")
def store_image(node: Node, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Debian's redis-server with the libraries that it loads, as an image in the node."""
    cluster = node.root / "tests/cluster"
    subprocess.run([cluster / "tools/packages", "redis-server", "jq"], check=True, timeout=1800)
    program = shutil.which("redis-server")
    assert program
    folder, archive = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("archive") / "store.tar"
    libraries = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"(/\S+) \(0x", libraries):
        copy(Path(library), folder / library.removeprefix("/"))
    copy(Path(program), folder / "bin/redis-server")
    subprocess.run([cluster / "image", IMAGE, folder, archive, "/bin/redis-server"], check=True, timeout=300)
    subprocess.run([cluster / "load", "--name", os.environ["PYAIRTABLE_CLUSTER"], archive], check=True, timeout=600)
    return IMAGE


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def run_store(shelf: Shelf, image: str) -> None:
    """A store of the test's own, and the Secret with its URL."""
    labels = {"app": "store"}
    container = {
        "name": "store", "image": image, "imagePullPolicy": "Never",
        "args": ["--save", "", "--requirepass", PASSWORD, "--maxmemory-policy", "noeviction"],
        "readinessProbe": {"tcpSocket": {"port": 6379}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {"securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}, "containers": [container]}
    url = f"redis://:{PASSWORD}@store.{shelf.name}.svc:6379"
    shelf.apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "store"},
         "spec": {"selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"}, "template": {"metadata": {"labels": labels}, "spec": pod}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store"}, "spec": {"selector": labels, "ports": [{"port": 6379}]}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "store"}, "stringData": {"url": url}},
    )
    shelf.kubectl("rollout", "status", "deployment/store", "--timeout=60s")


def gateways(shelf: Shelf) -> list[dict[str, Any]]:
    """The pods that are not on their way out."""
    return [pod for pod in shelf.get("pods", "-l", GATEWAYS)["items"] if "deletionTimestamp" not in pod["metadata"]]


def test_a_write_repeated_at_the_other_pod_happens_once(shelf: Shelf, store_image: str) -> None:
    run_store(shelf, store_image)
    shelf.apply(secret("token", "pat"), secret("key", "key-of-the-test"), base(store=STORE, gateway={"replicas": 2}, clients=[CLIENT]))
    shelf.await_ready("airtablebases", "crm", 120)
    pods = [pod["metadata"]["name"] for pod in gateways(shelf)]
    assert len(pods) == 2
    name = f"once-{shelf.name}"
    created = [create(shelf, pod, name) for pod in [*pods, pods[0]]]
    assert len({record["id"] for record in created}) == 1, created
    effects = [effect for effect in shelf.node.effects() if effect["operation"] == "create" and effect["fields"].get("Name") == name]
    assert len(effects) == 1, effects


def test_pods_are_replaced_one_by_one_and_guarded_while_there_are_two(shelf: Shelf, store_image: str) -> None:
    run_store(shelf, store_image)
    shelf.apply(secret("token", "pat"), secret("key", "key-of-the-test"), base(store=STORE, clients=[CLIENT]))
    shelf.await_ready("airtablebases", "crm", 120)
    shelf.kubectl("scale", "airtablebases/crm", "--replicas=2")
    wait_until(lambda: shelf.get("airtablebase", "crm")["status"].get("readyReplicas") == 2, "there are no two pods", 90)
    shelf.await_ready("airtablebases", "crm")
    budget = shelf.get("poddisruptionbudget", "crm-gateway")
    assert budget["spec"]["maxUnavailable"] == 1
    before = {pod["metadata"]["uid"] for pod in gateways(shelf)}
    shelf.patch("airtablebase", "crm", {"spec": {"rateLimit": {"requestsPerSecond": 4}}})
    least = [2]

    def is_done() -> bool:
        ready = shelf.get("deployment", "crm-gateway").get("status", {}).get("readyReplicas", 0)
        least.append(ready)
        return not before & {pod["metadata"]["uid"] for pod in gateways(shelf)} and ready == 2

    wait_until(is_done, "the pods are not replaced", 120, 0.2)
    assert min(least) == 2, "a pod went before another one was ready"
    shelf.kubectl("scale", "airtablebases/crm", "--replicas=1")
    wait_until(lambda: shelf.node.try_kubectl("-n", shelf.name, "get", "poddisruptionbudget", "crm-gateway").returncode != 0, "one pod is still guarded", 60)


def test_a_store_that_goes_and_comes_back(shelf: Shelf, store_image: str) -> None:
    shelf.apply(secret("token", "pat"), secret("key", "key-of-the-test"), base(store=STORE, gateway={"replicas": 2}, clients=[CLIENT]))
    assert "Secret store does not exist" in shelf.await_reason("airtablebases", "crm", "SecretMissing")
    run_store(shelf, store_image)
    shelf.await_ready("airtablebases", "crm", 180)
    shelf.kubectl("scale", "deployment/store", "--replicas=0")
    message = shelf.await_reason("airtablebases", "crm", "StoreUnreachable")
    assert PASSWORD not in message
    shelf.kubectl("scale", "deployment/store", "--replicas=1")
    shelf.await_ready("airtablebases", "crm", 120)
    with Reader(shelf, "crm-gateway") as reader:
        wait_until(lambda: reader.answers > 3, "the gateway answers nothing", 30)
    assert reader.failures == [], reader.failures


def create(shelf: Shelf, pod: str, name: str) -> dict[str, Any]:
    """A customer, asked for at one pod, always under the same key."""
    with forwarded(shelf, pod) as port:
        body = json.dumps({"fields": {"Name": name}}).encode()
        headers = {"authorization": "Bearer key-of-the-test", "content-type": "application/json", "idempotency-key": name}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v0/{BASE_ID}/Customers", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@contextmanager
def forwarded(shelf: Shelf, pod: str) -> Iterator[int]:
    command = ["kubectl", "--kubeconfig", shelf.node.kubeconfig, "-n", shelf.name, "port-forward", f"pod/{pod}", ":8002"]
    forward = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert forward.stdout is not None
        yield int(forward.stdout.readline().split(":")[1].split(" ")[0])
    finally:
        forward.terminate()
        forward.wait(10)
