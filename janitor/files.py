"""What lies on disk and is no longer needed: old logs, and environments of deleted plugins."""

from datetime import datetime, timedelta
from pathlib import Path

import structlog

from database.records import Removal
from qserver.plugin_folder import Slot

ROTATED_LOGS = "*.log.*"
"""Names of finished log files; a service still writes to the one without a date."""

log = structlog.get_logger(__name__)


def remove_old_logs(folder: Path | None, *, keep_days: float, now: datetime, dry_run: bool) -> Removal:
    """Remove log files last written more than `keep_days` ago (0 keeps all). A file that can't be removed is told."""
    if folder is None or keep_days == 0:
        return Removal("logs", 0)
    oldest = (now - timedelta(days=keep_days)).timestamp()
    old = [path for path in sorted(folder.glob(ROTATED_LOGS)) if _is_old_file(path, oldest)]
    return Removal("logs", sum(dry_run or _unlink(path) for path in old))


def remove_dead_environments(plugin_folder: Path, *, registered: frozenset[str], dry_run: bool) -> Removal:
    """Remove environments of plugins that are not `registered`, which has names as `environment_name` makes them.

    Only where no worker lives to do it itself. Without effect on a machine that has no such folder.
    """
    count = 0
    swept = []
    for slot in Slot.free(plugin_folder):
        dead = [environment for environment in slot.environments() if environment.name not in registered]
        count += sum(dry_run or _discard(slot, environment) for environment in dead)
        swept.append(slot)
    if not dry_run:
        for slot in swept:  # not before the slots are free again: it takes long, and a starting worker wants one
            slot.empty_trash()
    return Removal("environments", count)


def _is_old_file(path: Path, oldest: float) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_mtime < oldest
    except FileNotFoundError:  # another pass was faster
        return False


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("log_not_removed", file=path.name, error=error.strerror)
        return False
    return True


def _discard(slot: Slot, environment: Path) -> bool:
    try:
        slot.discard(environment)
    except OSError as error:
        log.warning("environment_not_removed", environment=environment.name, error=error.strerror)
        return False
    return True
