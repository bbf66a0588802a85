"""airtable.js as the lock file says, in a process of its own."""

import os
import subprocess
from pathlib import Path

import npm
from exchanges import Names
from target import Target

FOLDER = Path(__file__).parent / "javascript"


def install() -> None:
    npm.install(FOLDER)


def run(target: Target, scenario: str) -> str:
    """What the scenario gave, without the ids and times of this run."""
    setting = {"AIRTABLE_ENDPOINT_URL": target.url, "AIRTABLE_API_KEY": target.key}
    done = subprocess.run(
        ["node", "run.js", scenario], cwd=FOLDER, env=os.environ | setting, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return Names().plain(done.stdout)
