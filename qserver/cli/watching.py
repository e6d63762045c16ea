"""Jobs on a terminal as they wait, run and end."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from qserver.cli.screen import Screen, styled_status
from qserver.client.jobs import Job, Jobs
from qserver.client.outcomes import Outcome
from qserver.errors import JobCanceled, QServerError
from qserver.jobs import JobStatus

_MOST_FOLLOWED = 16
"""So many jobs have a line of their own, which costs a call each; of more, the sum is shown."""
_FRAMES_A_SECOND = 8


class Board:
    """What is known of jobs. Threads write to it, one for each job."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Know that all wait. `names` are what people call the jobs, by id."""
        self._names = names
        self._started_at = time.monotonic()
        self._status = dict.fromkeys(names, JobStatus.PENDING)
        self._words = dict.fromkeys(names, "")
        self._seconds: dict[str, float] = {}

    def tell(self, job_id: str, status: JobStatus, words: str) -> None:
        """Hear of a job. What is over stays so, whatever the slower of two streams tells after it."""
        if self._status[job_id].is_final and not status.is_final:
            return
        self._status[job_id] = status
        self._words[job_id] = words
        if status.is_final:
            self._seconds.setdefault(job_id, time.monotonic() - self._started_at)

    def __rich__(self) -> RenderableType:
        """Draw it."""
        return self._lines() if len(self._names) <= _MOST_FOLLOWED else self._sum()

    def _lines(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, show_header=False)
        for job_id, name in self._names.items():
            seconds = self._seconds.get(job_id, time.monotonic() - self._started_at)
            table.add_row(
                Text(name), styled_status(self._status[job_id]), f"{seconds:.1f} s", Text(self._words[job_id])
            )
        return table

    def _sum(self) -> RenderableType:
        numbers = Counter(self._status.values())
        done = sum(number for status, number in numbers.items() if status.is_final)
        words = ", ".join(f"{number:,} {status}" for status, number in numbers.items())
        seconds = time.monotonic() - self._started_at
        return Group(ProgressBar(len(self._names), done, width=60), Text(f"{words}; {seconds:.1f} s"))


def watched(
    jobs: Jobs, names: Mapping[str, str], screen: Screen, timeout_seconds: float | None
) -> Iterator[tuple[str, Outcome]]:
    """Give the outcome of each job as it ends; at a terminal, show on standard error how all of them are meanwhile.

    Raises WaitTimeout once the time is over.
    """
    if not screen.errors.is_terminal:
        yield from jobs.as_completed(timeout_seconds)
        return
    board = Board(names)
    with (
        _following(jobs if len(names) <= _MOST_FOLLOWED else (), board, timeout_seconds),
        Live(board, console=screen.errors, refresh_per_second=_FRAMES_A_SECOND, transient=True),
    ):
        for job_id, outcome in jobs.as_completed(timeout_seconds):
            board.tell(job_id, *_end_of(outcome))
            yield job_id, outcome


@contextmanager
def _following(jobs: Iterable[Job], board: Board, timeout_seconds: float | None) -> Iterator[None]:
    """Have jobs tell the board of their events during the block.

    The end of the threads is not waited for: after Ctrl-C a job may run for hours. They end when the client is closed.
    """
    threads = ThreadPoolExecutor(_MOST_FOLLOWED, thread_name_prefix="watch")
    try:
        for job in jobs:
            threads.submit(_follow, job, board, timeout_seconds)
        yield
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _follow(job: Job, board: Board, timeout_seconds: float | None) -> None:
    try:
        for event in job.events(timeout_seconds=timeout_seconds):
            board.tell(job.id, event.status, event.message)
    except QServerError as error:
        board.tell(job.id, JobStatus.PENDING, error.message)  # who waits for the outcome hears it too, and raises it


def _end_of(outcome: Outcome) -> tuple[JobStatus, str]:
    if isinstance(outcome, QServerError):
        return (JobStatus.CANCELED if isinstance(outcome, JobCanceled) else JobStatus.FAILED), outcome.message
    seconds = outcome[0].run.seconds
    return JobStatus.FINISHED, (
        f"queued {seconds.queued:.2f} s, loaded {seconds.loading:.2f} s, simulated {seconds.simulating:.2f} s"
    )
