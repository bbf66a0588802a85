"""The samples and the manifests in `valid/`, which use what there is, are accepted as they are."""

from pathlib import Path

import pytest
from api import Api, documents
from conftest import ROOT

FILES = sorted((Path(__file__).parent / "valid").glob("*.yaml")) + sorted(
    file for file in (ROOT / "manifests" / "samples").glob("*.yaml") if file.name != "kustomization.yaml"
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_accepted(api: Api, namespace: str, file: Path) -> None:
    manifests = [manifest for manifest in documents(file) if manifest["kind"] != "Namespace"]
    assert manifests, "it holds no manifest"
    for manifest in manifests:
        answer = api.apply(manifest, namespace)
        assert answer.status_code in (200, 201), answer.text


def test_there_are_samples() -> None:
    assert any(file.parent.name == "samples" for file in FILES)
