"""Rules that hold for every file: size, unsafe code, traces of a machine, links."""

import re
import statistics
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest
from tree import ROOT, ending, files, texts

LONGEST, MEDIAN = 500, 150

# Assembled, so that this file does not find itself.
MACHINES = [f"/{home}/" for home in ("root", "work")] + ["/home/" + "[a-z]"]
REGISTRIES = ["registry." + "npmjs", "proxy." + "golang", "files." + "pythonhosted", "pypi." + "org", "crates." + "io/api", "static." + "crates"]
LATER = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]


def lines(rust: str) -> int:
    return rust.count("\n")


def test_no_rust_file_is_long() -> None:
    assert {name: lines(text) for name, text in ending(".rs").items() if lines(text) > LONGEST} == {}


def test_rust_files_are_short_as_a_rule() -> None:
    assert statistics.median(map(lines, ending(".rs").values())) <= MEDIAN


def test_every_crate_takes_the_lints_of_the_workspace_which_forbid_unsafe_code() -> None:
    manifests = {name: tomllib.loads(text) for name, text in ending("Cargo.toml").items()}
    workspace = manifests.pop("Cargo.toml")["workspace"]
    assert workspace["lints"]["rust"]["unsafe_code"] == "forbid"
    assert len(manifests) == len(workspace["members"])
    assert [name for name, manifest in manifests.items() if manifest.get("lints") != {"workspace": True}] == []


def test_every_crate_takes_the_versions_of_the_workspace() -> None:
    own = []
    for name, text in ending("/Cargo.toml").items():
        manifest = tomllib.loads(text)
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            own += [f"{name}: {crate}" for crate, wanted in manifest.get(kind, {}).items() if "workspace" not in wanted]
    assert own == []


@pytest.mark.parametrize("patterns", [MACHINES, REGISTRIES, LATER], ids=["paths of a machine", "registry hosts", "notes for later"])
def test_no_file_holds(patterns: list[str]) -> None:
    pattern = re.compile(rf"(?<![\w.-])({'|'.join(patterns)})")
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_every_relative_link_leads_to_a_file() -> None:
    broken = []
    for name, text in ending(".md").items():
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r"^\[[^\]]+\]:\s*(\S+)", prose, re.MULTILINE):
            path = unquote(target.partition("#")[0])
            if path and not re.match(r"[a-z+]+:", path) and not (ROOT / Path(name).parent / path).exists():
                broken.append(f"{name}: {target}")
    assert broken == []


def test_every_test_that_a_document_names_is_there() -> None:
    """Named as `path/of/file.rs::name_of_the_test`, or the file alone."""
    missing, named = [], 0
    for name, text in ending(".md").items():
        for file, test in re.findall(r"`((?:services|operator|tests|crds)/[\w/.-]+\.(?:rs|py))(?:::(\w+))?`", text):
            named += 1
            source = texts().get(file, "")
            if not source or (test and not re.search(rf"\b(?:fn|def) {test}\b", source)):
                missing.append(f"{name}: {file}::{test}")
    assert missing == []
    assert named > 30


def test_scripts_are_executable_and_what_is_executable_has_a_first_line() -> None:
    wrong = []
    for file in files():
        executable, script = file.stat().st_mode & 0o111 != 0, file.read_bytes().startswith(b"#!")
        if executable != script:
            wrong.append(str(file.relative_to(ROOT)))
    assert wrong == []
