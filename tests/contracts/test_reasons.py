"""The reference of reasons lists what the operator says, neither less nor more."""

import re

from tree import texts

NAME = r'"([A-Z][a-z]+(?:[A-Z][a-z]+)*)"'


def declared() -> set[str]:
    return set(re.findall(r"^\| ([A-Z]\w+) \|", texts()["docs/reference/reasons.md"], re.MULTILINE))


def operator() -> str:
    """The operator's sources, without their tests."""
    source = re.compile(r"operator/.*src/(?!.*tests).*\.rs")
    sources = [text for name, text in texts().items() if source.fullmatch(name)]
    assert sources, "the operator has no sources"
    return "\n".join(text.partition("#[cfg(test)]")[0] for text in sources)


def test_every_reason_that_the_operator_gives_is_in_the_reference() -> None:
    source = operator()
    given = set(re.findall(r"Reason::([A-Z]\w+)", source)) - {"ALL"}
    given |= set(re.findall(rf"reason(?:: |\s*=\s*)(?:Some\()?{NAME}", source))
    given |= set(re.findall(rf"\b(?:not_sent|unknown|refused)\((?:may_be_sent,)?\s*{NAME}", source))
    assert len(given) > 10
    assert given - declared() == set()


def test_every_reason_of_the_reference_is_given_by_the_operator() -> None:
    source = operator()
    assert {name for name in declared() if not re.search(rf'\bReason::{name}\b|"{name}"', source)} == set()
