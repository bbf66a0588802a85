"""`kubectl delete namespace` in mid-saga: Kubernetes deletes everything at once, and the namespace ends when no effect is left unseen."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from oracle import count, each_effect_undone
from processes import free_port, wait_until
from test_verbs import await_step, slow_order
from world import World

EFFECTS = ["customer", "order", "welcome"]


@pytest.fixture
def namespaces(world: World) -> Iterator[None]:
    """Kubernetes' own controller of namespaces, which deletes what is in one that is being deleted."""
    command = [
        shutil.which("kube-controller-manager"), "--kubeconfig", world.kubeconfig, "--controllers=namespace-controller",
        "--leader-elect=false", "--bind-address=127.0.0.1", f"--secure-port={free_port()}",
    ]
    with (world.folder / "namespaces.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        running.kill()
        running.wait(10)


def let_in_anybody(world: World) -> None:
    """Nothing that a saga needs to call the worker is in the namespace."""
    at = world.worker.command.index("--client-key-file")
    world.worker.command[at : at + 2] = ["--allow-anonymous"]
    world.restart(world.worker, "")
    world.kubectl("patch", "workflows.pyairtable.dev/orders", "--type=json", "-p", json.dumps([{"op": "remove", "path": "/spec/worker/external/tokenSecretRef"}]))


def told(world: World) -> str:
    """Everything that the saga's conditions say."""
    return "\n".join(one["message"] for one in world.saga("mid")["status"]["conditions"])


def is_going(world: World, what: str) -> bool:
    """Kubernetes has come to delete it."""
    found = world.kubectl("get", what, "--ignore-not-found", "-o", "jsonpath={.metadata.name} {.metadata.deletionTimestamp}").split()
    return len(found) != 1


def is_ended(world: World) -> bool:
    return not world.kubectl("get", "namespace", world.namespace, "--ignore-not-found", "-o", "name")


def what_is_left(world: World) -> str:
    """For a person: why the namespace does not end, and its saga."""
    namespace = json.loads(world.kubectl("get", "namespace", world.namespace, "-o", "json"))
    why = [one["message"] for one in namespace["status"].get("conditions", []) if one["status"] == "True"]
    return json.dumps([why, json.loads(world.kubectl("get", "sagas.pyairtable.dev", "-o", "json"))["items"]], indent=1)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("credential", ["of-the-namespace", "none"])
def test_a_namespace_deleted_in_mid_saga_with_its_worker_gone_ends_once_each_effect_is_seen_to(world: World, namespaces: None, credential: str) -> None:
    """The conditions name the steps and the way out; a person takes it, once, and in one go.

    With a credential of the namespace's the worker can't be called since the Secret is gone, without one since it does not answer.
    """
    if credential == "none":
        let_in_anybody(world)
    world.operator.start()
    saga = slow_order("mid")
    # The call under way is asked for its end when the worker said that it would come.
    saga["spec"]["steps"][-1]["action"]["input"]["seconds"] = 10
    world.apply(saga)
    await_step(world, "mid", "slow", "Running")
    world.worker.kill()
    world.kubectl("delete", "namespace", world.namespace, "--wait=false")
    wait_until(lambda: "spec.repairs" in told(world), lambda: what_is_left(world), 60)
    assert [name for name in EFFECTS if name in told(world)] == EFFECTS, told(world)
    assert all(word in told(world) for word in ("by hand", "Resolve", "Skip")), told(world)
    assert not is_ended(world)

    named = [name for name in [*EFFECTS, "slow"] if name in told(world)]
    repairs = [{"id": name, "step": name, "verb": "Resolve", "actor": "tests", "reason": "deleted by hand"} for name in named]
    world.kubectl("patch", "sagas.pyairtable.dev/mid", "--type=merge", "-p", json.dumps({"spec": {"repairs": repairs}}))
    wait_until(lambda: is_ended(world), lambda: what_is_left(world), 90, 0.5)
    assert (count(world.effects(), "create"), count(world.effects(), "delete")) == (2, 0)


@pytest.mark.timeout(240)
def test_a_namespace_deleted_in_mid_saga_with_its_worker_elsewhere_ends_with_every_effect_undone(world: World, namespaces: None) -> None:
    """Workflow and base are held until the saga has ended, so that it can be undone without a person."""
    let_in_anybody(world)
    world.operator.start()
    saga = slow_order("mid")
    saga["spec"]["steps"][-1]["action"]["input"]["seconds"] = 20
    world.apply(saga)
    await_step(world, "mid", "slow", "Running")
    world.kubectl("delete", "namespace", world.namespace, "--wait=false")
    going = ("airtablebase/crm", "workflows.pyairtable.dev/orders", "sagas.pyairtable.dev/mid")
    wait_until(lambda: all(is_going(world, what) for what in going), lambda: what_is_left(world), 15)
    wait_until(lambda: is_ended(world), lambda: what_is_left(world), 90, 0.5)
    each_effect_undone(world.effects())
