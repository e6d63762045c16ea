"""How long a group may run, and how long one that lost a job is left alone."""

from worker.groups import Group

MIN_GROUP_SECONDS = 10.0
GROUP_PATIENCE = 20.0
"""A group may take this many times its estimate, and MIN_GROUP_SECONDS at least, before its jobs run one by one."""

GRACE_SECONDS = 0.3
"""A run that is about to end is given this long after one of its jobs was canceled: cheaper than a new simulator."""


def run_seconds(group: Group, *, longest_seconds: float) -> float:
    """Tell after how many seconds the simulator is to be killed.

    A lone job has its own time limit (`longest_seconds` where it names none). A group has the shortest of its jobs'
    limits or its patience, whichever is less: past it nobody can tell whose fault it is, so all of them run alone.
    """
    limits = [claimed.job.request.time_limit_seconds or longest_seconds for claimed in group.jobs]
    if group.is_alone:
        return limits[0]
    return min(*limits, max(MIN_GROUP_SECONDS, GROUP_PATIENCE * group.seconds))


def grace_seconds(group: Group, *, elapsed_seconds: float) -> float:
    """Tell how long a run may go on after one of its jobs was canceled or lost."""
    remaining = group.seconds - elapsed_seconds
    is_about_to_end = -GRACE_SECONDS <= remaining <= GRACE_SECONDS
    return GRACE_SECONDS if is_about_to_end else 0.0
