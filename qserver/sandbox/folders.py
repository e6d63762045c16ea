"""Folders in which others wrote whatever they liked."""

import shutil
import subprocess
from pathlib import Path


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it, following no link. What can't be removed stays; nothing is raised."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # folders in folders, deeper than Python's stack
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)  # noqa: S603, S607 - PATH is the service's own
