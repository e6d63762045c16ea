"""Which group starts next: pure accounting of places, memory and the GPU.

First come, first served, with one exception taken from batch schedulers: a group behind one that can't start yet may
pass it where that won't delay it (EASY backfilling: D. Lifka, "The ANL/IBM SP Scheduling System", 1995). So a job that
needs many cores waits for the running ones to end and for no other, while cores that would stand idle run small ones;
and where there are 4 or more, it leaves one to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.capacity import Capacity
from worker.groups import Group, Lane

MAX_WAITING_GROUPS = 2
"""With this many claimed groups that can't start yet, nothing more is claimed: another worker may have room for it.

Groups of the route 'large' are counted apart, and keep nothing but their like from being claimed: who sends three of
them must not keep everybody's small jobs waiting.
"""


@dataclass(frozen=True, slots=True)
class Need:
    """What a group takes while it runs, and for about how long."""

    lane: Lane
    places: int
    memory_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A group that wants to start."""

    need: Need
    since_seconds: float
    is_large: bool = False  # it came by the route 'large'


@dataclass(frozen=True, slots=True)
class Running:
    """A group that runs. `waited_seconds` is how long it had waited when it started."""

    need: Need
    since_seconds: float
    waited_seconds: float = 0.0

    def came_before(self, other: Waiting) -> bool:
        """Tell whether it was in line before the other."""
        return self.since_seconds - self.waited_seconds <= other.since_seconds


_SMALLEST = Need(lane=Lane.NARROW, places=1, memory_bytes=0, seconds=0.0)
_SMALLEST_ON_GPU = Need(lane=Lane.GPU, places=0, memory_bytes=0, seconds=0.0)


def need_of(group: Group, capacity: Capacity) -> Need:
    """Count what a group takes. An estimate above the worker's whole memory counts as all of it: it then runs alone.

    A group on the GPU keeps its states there, and takes of the cores' memory and time what nobody misses.
    """
    places = {Lane.NARROW: 1, Lane.WIDE: capacity.of_wide(group.memory_bytes).places, Lane.GPU: 0}[group.lane]
    memory_bytes = 0 if group.lane is Lane.GPU else min(group.memory_bytes, capacity.memory_bytes)
    return Need(lane=group.lane, places=places, memory_bytes=memory_bytes, seconds=group.seconds)


def choose(waiting: Sequence[Waiting], running: Sequence[Running], capacity: Capacity, *, now: float) -> int | None:
    """Give the index of the waiting group that may start now; None if none may. All times are of one clock."""
    blocked: list[Waiting] = []
    for index, candidate in enumerate(waiting):
        if _fits(candidate.need, [run.need for run in running], capacity) and all(
            _may_pass(candidate.need, ahead, running, capacity, now=now) for ahead in blocked
        ):
            return index
        blocked.append(candidate)
    return None


def has_room(
    waiting: Sequence[Waiting], running: Sequence[Running], capacity: Capacity, *, gpu: bool, now: float
) -> bool:
    """Tell whether a small group claimed now could start at once."""
    in_line = [group for group in waiting if (group.need.lane is Lane.GPU) == gpu and not group.is_large]
    newcomer = Waiting(_SMALLEST_ON_GPU if gpu else _SMALLEST, since_seconds=now)
    return len(in_line) < MAX_WAITING_GROUPS and choose([*waiting, newcomer], running, capacity, now=now) == len(
        waiting
    )


def has_room_for_large(waiting: Sequence[Waiting]) -> bool:
    """Tell whether another group of the route 'large' may be claimed."""
    return sum(group.is_large for group in waiting) < MAX_WAITING_GROUPS


def _fits(need: Need, running: Sequence[Need], capacity: Capacity) -> bool:
    if need.lane is Lane.GPU and (not capacity.has_gpu or any(other.lane is Lane.GPU for other in running)):
        return False
    places = need.places + sum(other.places for other in running)
    memory_bytes = need.memory_bytes + sum(other.memory_bytes for other in running)
    return places <= capacity.places and memory_bytes <= capacity.memory_bytes


def _may_pass(need: Need, ahead: Waiting, running: Sequence[Running], capacity: Capacity, *, now: float) -> bool:
    """Tell whether `need` may start before `ahead`, which can't start yet, without delaying it."""
    # Only runs that came before `ahead` are waited for. Counting those that passed it as well would let a row of small
    # groups, each running longer than foreseen, keep it waiting for ever.
    waited_for = sorted(
        (run for run in running if run.came_before(ahead)),
        key=lambda run: _remaining_seconds(run, now),
    )
    left = [run.need for run in running if not run.came_before(ahead)]
    for index, run in enumerate(waited_for):
        still_running = [other.need for other in waited_for[index + 1 :]]
        if _fits(ahead.need, still_running, capacity):
            would_fit_beside = _fits(ahead.need, [*still_running, *left, need], capacity)
            return would_fit_beside or need.seconds < _remaining_seconds(run, now)
    return False


def _remaining_seconds(run: Running, now: float) -> float:
    """Guess how long a run goes on. One that is past its estimate is taken to go on for as long again as it has run."""
    elapsed = now - run.since_seconds
    return run.need.seconds - elapsed if elapsed < run.need.seconds else elapsed
