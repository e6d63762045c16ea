"""The file of secrets and sizes that docker compose reads."""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from doctor.findings import Finding, Look

ROOT = Path(__file__).resolve().parent.parent
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$")


def read_env(file: Path) -> Mapping[str, str]:
    """Read names and values; none where there is no file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found = (match for match in map(_LINE.match, lines) if match)
    return {match[1]: match[2].strip("'\"") for match in found}


def look_at_env(file: Path) -> Look:
    """Look for missing and weak secrets, and for rights that others have."""
    if not file.exists():
        return Look("secrets", "", (Finding(f"there is no {file}", "make env"),))
    findings = []
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        findings.append(Finding(f"others may read {file}, which holds passwords", f"chmod 600 {file}"))
    check = subprocess.run(
        [str(ROOT / "scripts" / "make-env.sh"), "--check"],
        env={"ENV_FILE": str(file.resolve()), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if check.returncode != 0:
        findings.append(Finding(check.stderr.strip().replace("make env: ", "", 1), "mend that line, or: make env"))
    return Look("secrets", str(file), tuple(findings))
