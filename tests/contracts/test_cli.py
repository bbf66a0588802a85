"""`docs/reference/cli.md` shows what `--help` says; `UPDATE=1` writes it anew."""

import os
import re
import subprocess

import pytest
from tree import ROOT

PAGE = ROOT / "docs" / "reference" / "cli.md"
COMMANDS = {
    "pyairtable": ["base plan", "base export", "completion"],
    "operator": ["run", "crds"],
    "workloads": ["gateway", "worker", "simulator"],
}
# Where a program has not the name of its crate.
CRATES = {"pyairtable": "cli"}
HEAD = """# Command lines

Options of `operator` and `workloads` can also be given by the environment variable in brackets. Generated: `UPDATE=1 tests/run contracts`.
"""


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """The binaries as the checkout has them."""
    build = ["cargo", "build", "--quiet", *(f"--package={CRATES.get(name, name)}" for name in COMMANDS)]
    subprocess.run(build, cwd=ROOT, check=True, timeout=1800)


def target() -> str:
    return os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))


def help_of(*command: str) -> str:
    """The help without anything of this terminal or environment in it."""
    program = f"{target()}/debug/{command[0]}"
    run = [program, *command[1:], "--help"]
    text = subprocess.run(run, env={"COLUMNS": "100"}, check=True, stdout=subprocess.PIPE, text=True, timeout=10).stdout
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def page() -> str:
    parts = [HEAD]
    for program, commands in COMMANDS.items():
        parts.append(f"\n## {program}\n\n```text\n{help_of(program)}```\n")
        parts += [f"\n### {program} {command}\n\n```text\n{help_of(program, *command.split())}```\n" for command in commands]
    return "".join(parts)


def test_the_page_shows_what_help_says() -> None:
    wanted = page()
    if "UPDATE" in os.environ:
        PAGE.write_text(wanted)
    assert PAGE.exists() and PAGE.read_text() == wanted, "cli.md is stale: UPDATE=1 tests/run contracts"


@pytest.mark.parametrize(("program", "command"), [(program, command) for program, commands in COMMANDS.items() for command in commands])
def test_every_flag_has_a_description(program: str, command: str) -> None:
    options = help_of(program, *command.split()).partition("Options:\n")[2]
    entries = re.split(r"^ {2,6}(?=-)", options, flags=re.MULTILINE)[1:]
    assert entries, "it has no options"
    bare = []
    for entry in entries:
        flag, _, description = re.sub(r"\s*\n\s+", "  ", entry.strip()).partition("  ")
        if len(re.sub(r"\[(env|default|possible values):[^\]]*\]", "", description).split()) < 2:
            bare.append(flag)
    assert bare == []
