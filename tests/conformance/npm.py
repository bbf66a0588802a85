"""Packages of npm, as a lock file says."""

import shutil
import subprocess
from pathlib import Path


def install(folder: Path) -> None:
    """Into `node_modules`, where `tests/run` has not done so already."""
    lock, done = folder / "package-lock.json", folder / "node_modules" / "installed"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True, timeout=600)
        shutil.copyfile(lock, done)
