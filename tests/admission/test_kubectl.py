"""What a person sees of the kinds with kubectl: names, help, columns, selectors, scale."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from api import Api, documents
from conftest import CLUSTER

VALID = Path(__file__).parent / "valid"
Kubectl = Callable[..., str]


@pytest.fixture(scope="session")
def program() -> Path:
    """The kubectl of the same version as the API server."""
    found = subprocess.run([CLUSTER / "tools" / "install"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(found.stdout.strip()) / "kubectl"


@pytest.fixture
def kubectl(program: Path, kubeconfig: Path, api: Api, namespace: str) -> Kubectl:
    """kubectl in a namespace which holds a base, a workflow and a saga with a journal."""
    for file in ("base-minimal", "workflow-full", "saga-status"):
        for manifest in documents(VALID / f"{file}.yaml"):
            api.apply(manifest, namespace).raise_for_status()

    def run(*arguments: str) -> str:
        command = [program, "--kubeconfig", kubeconfig, "--namespace", namespace, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    return run


@pytest.mark.parametrize("field", ["airtablebase.spec.tokenSecretRef.key", "workflow.spec.sagaTemplate.steps.compensation", "saga.spec.repairs.verb"])
def test_explain_describes_a_field(kubectl: Kubectl, field: str) -> None:
    kind, _, path = field.partition(".")
    text = kubectl("explain", f"{kind}s.{path}", "--api-version=pyairtable.dev/v1alpha1")
    assert "GROUP:      pyairtable.dev" in text
    assert "<empty>" not in text


@pytest.mark.parametrize(
    ("short", "columns", "row"),
    [
        ("abase", "NAME READY REASON BASE TABLES AGE", "crm"),
        ("awf", "NAME READY REASON STEPS REVISION AGE", "orders"),
        ("sg", "NAME STATE PROGRESS REASON WAITING-ON AGE", "order-1 Compensating 1/2 Compensating compensation of customer, attempt 2"),
    ],
)
def test_a_short_name_lists_the_columns(kubectl: Kubectl, short: str, columns: str, row: str) -> None:
    head, line = (" ".join(line.split()) for line in kubectl("get", short).splitlines())
    assert head == columns
    assert line.startswith(row)


def test_the_wide_table_of_sagas_names_the_workflow_and_the_message(kubectl: Kubectl) -> None:
    head, line = kubectl("get", "sg", "--output=wide").splitlines()
    assert "WORKFLOW" in head and "MESSAGE" in head
    assert "orders" in line and "undoing" in line


def test_the_category_lists_all_three_kinds(kubectl: Kubectl) -> None:
    names = kubectl("get", "pyairtable", "--output=name").split()
    assert names == ["airtablebase.pyairtable.dev/crm", "saga.pyairtable.dev/order-1", "workflow.pyairtable.dev/orders"]


@pytest.mark.parametrize(
    ("kind", "selector", "names"),
    [
        ("sagas", "spec.workflowRef.name=orders", ["saga.pyairtable.dev/order-1"]),
        ("sagas", "spec.workflowRef.name=invoices", []),
        ("sagas", "status.state=Compensating", ["saga.pyairtable.dev/order-1"]),
        ("sagas", "status.state!=Compensating", []),
        ("airtablebases", "spec.baseId=appCRM00000000001", ["airtablebase.pyairtable.dev/crm"]),
    ],
)
def test_a_field_selector_chooses(kubectl: Kubectl, kind: str, selector: str, names: list[str]) -> None:
    assert kubectl("get", kind, f"--field-selector={selector}", "--output=name").split() == names


@pytest.mark.parametrize(("resource", "path"), [("awf/orders", "{.spec.worker.replicas}"), ("abase/crm", "{.spec.gateway.replicas}")])
def test_scale_sets_the_replicas(kubectl: Kubectl, resource: str, path: str) -> None:
    for replicas in ("1", "0"):
        kubectl("scale", resource, f"--replicas={replicas}")
        assert kubectl("get", resource, f"--output=jsonpath={path}") == replicas


def test_scale_above_one_is_refused_for_the_built_in_worker(kubectl: Kubectl) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl("scale", "awf/orders", "--replicas=3")
    assert "spec.worker.replicas above 1 is not supported" in refused.value.stderr


def test_scale_above_one_is_for_a_base_with_a_store(kubectl: Kubectl) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl("scale", "abase/crm", "--replicas=3")
    assert "spec.gateway.replicas above 1 needs spec.store" in refused.value.stderr
    kubectl("patch", "abase/crm", "--type=merge", "--patch", '{"spec":{"store":{"urlSecretRef":{"name":"valkey"}}}}')
    kubectl("scale", "abase/crm", "--replicas=3")
    assert kubectl("get", "abase/crm", "--output=jsonpath={.spec.gateway.replicas}") == "3"
