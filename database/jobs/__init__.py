"""Everything that happens to jobs. All changes of state are guarded updates in `moves`; nothing else makes one."""

from database.jobs.repository import BATCH, Jobs

__all__ = ["BATCH", "Jobs"]
