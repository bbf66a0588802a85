"""The files of the checkout, as git would take them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def files() -> list[Path]:
    """Every file that is tracked, or would be with `git add --all`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


@cache
def texts() -> dict[str, str]:
    """The text files by their path from the root."""
    found = {}
    for file in files():
        try:
            found[str(file.relative_to(ROOT))] = file.read_text()
        except UnicodeDecodeError:
            continue
    return found


def ending(suffix: str) -> dict[str, str]:
    """The text files whose name ends so."""
    return {name: text for name, text in texts().items() if name.endswith(suffix)}
