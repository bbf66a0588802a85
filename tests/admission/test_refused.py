"""Each manifest in `invalid/` is refused with the message that its first line expects, and for that reason alone.

Of several documents in a file all but the last are accepted first.
"""

from pathlib import Path

import pytest
import yaml
from api import Api, documents
from conftest import ROOT

FILES = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))


def expected(file: Path) -> str:
    first = file.read_text().splitlines()[0]
    assert first.startswith("# expect: "), f"{file.name}: the first line must be '# expect: <part of the message>'"
    return first.removeprefix("# expect: ")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_refused(api: Api, namespace: str, file: Path) -> None:
    *before, last = documents(file)
    for manifest in before:
        answer = api.apply(manifest, namespace)
        assert answer.status_code in (200, 201), answer.text
    answer = api.apply(last, namespace)
    assert answer.status_code >= 400, "it was accepted"
    refusal = answer.json()
    assert expected(file) in refusal["message"]
    assert len(causes(refusal)) < 2, "it is refused for other reasons too: " + refusal["message"]


def causes(refusal: dict) -> set[str]:
    """The fields that a refusal complains of; one without a field only says that the rules were not looked at."""
    return {cause["field"] for cause in refusal.get("details", {}).get("causes", [])} - {"<nil>"}


def rules(schema: object) -> set[str]:
    """The messages of all CEL rules of a schema."""
    if isinstance(schema, list):
        return set().union(*map(rules, schema))
    if not isinstance(schema, dict):
        return set()
    own = {rule["message"] for rule in schema.get("x-kubernetes-validations", [])}
    return own.union(*map(rules, schema.values()))


def test_every_rule_of_the_definitions_has_a_manifest_that_it_refuses() -> None:
    texts = [expected(file) for file in FILES]
    declared = set().union(*(rules(yaml.safe_load(file.read_text())) for file in (ROOT / "crds").glob("*.yaml")))
    assert declared, "no rule was found"
    assert [message for message in declared if not any(text in message for text in texts)] == []
