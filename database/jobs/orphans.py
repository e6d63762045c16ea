"""Jobs that wait for a plugin that is gone.

Removing a plugin fails the jobs that wait for it, but one may be stored at that very moment, and one that a worker had
just claimed may come back after it. Nobody serves their route any more: without this they would wait for ever.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import CTE, exists, func, select

from database.jobs import moves
from database.jobs.guards import IS_PENDING
from database.tables import jobs, plugins
from database.work import Work, status_is
from qserver.errors import Reason
from qserver.jobs import JobStatus

_PLUGIN_IS_GONE: Final = ~exists().where(plugins.c.name == jobs.c.plugin)


def fail_orphans(work: Work, *, limit: int) -> Sequence[UUID]:
    """Fail waiting jobs whose plugin is not registered, at most `limit` of each plugin; give their ids."""
    return [job.id for plugin in _gone_plugins(work) for job in _fail(work, plugin, limit=limit)]


def _fail(work: Work, plugin: str, *, limit: int) -> Sequence[moves.Moved]:
    message = f"the plugin {plugin} was removed before the job could run"
    move = moves.to_end(JobStatus.FAILED, reason=Reason.PLUGIN_UNAVAILABLE, message=message)
    # It may have been registered again since it was missed.
    return moves.make(work, move, IS_PENDING, jobs.c.plugin == plugin, _PLUGIN_IS_GONE, limit=limit)


def _gone_plugins(work: Work) -> Sequence[str]:
    wanted = _wanted_plugins()
    is_registered = exists().where(plugins.c.name == wanted.c.plugin)
    return work.execute(select(wanted.c.plugin).where(wanted.c.plugin.is_not(None), ~is_registered)).scalars().all()


def _wanted_plugins() -> CTE:
    """Select the plugins that jobs wait for, leaping through `ix_jobs_plugin`: one look into it for each of them."""
    first = jobs.alias("first")
    wanted = (
        select(func.min(first.c.plugin).label("plugin"))
        .where(status_is(first.c.status, JobStatus.PENDING))
        .cte("wanted", recursive=True)
    )
    following = jobs.alias("following")
    next_plugin = (
        select(func.min(following.c.plugin))
        .where(status_is(following.c.status, JobStatus.PENDING), following.c.plugin > wanted.c.plugin)
        .scalar_subquery()
    )
    return wanted.union_all(select(next_plugin).where(wanted.c.plugin.is_not(None)))
