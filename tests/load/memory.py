"""How much memory the services hold: each with all that it has started."""

from collections.abc import Mapping
from pathlib import Path

from tests.acceptance.deployment import Deployment
from tests.processes import descendants_of

_KIB_A_MIB = 1024


def memory_mib(deployment: Deployment) -> Mapping[str, float]:
    """Give the MiB of each service: what it shares with other processes is counted in parts (Pss, proc(5))."""
    return {
        name: sum(_kib(each) for each in (pid, *descendants_of(pid))) / _KIB_A_MIB
        for name, pid in deployment.pids.items()
        if deployment.is_alive(name)
    }


def _kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
