"""What a simulator process runs, and the light halves of the plugins in it."""

from dataclasses import dataclass

import structlog

from database.records import ClaimedJob
from plugins.child import ENTRY
from plugins.registry import Registry
from qserver.errors import NotFound
from worker.groups import task_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """The program of simulator processes: `entry` ("module:function") serves the plugins of `registry`."""

    registry: Registry
    entry: str = ENTRY

    def batch_key(self, claimed: ClaimedJob) -> str | None:
        """Ask the job's plugin which company it may share; None for none."""
        try:
            return self.registry.plugin(claimed.job.plugin).batch_key(task_of(claimed))
        except NotFound:
            return None  # a file plugin, or one that isn't installed here: its process will say so
        except Exception:
            # Somebody else's code, called in our own process: whatever is wrong with it is wrong with this job alone.
            log.exception("batch_key_failed", plugin=claimed.job.plugin, job_id=str(claimed.job.id))
            return None
