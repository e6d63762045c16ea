"""Results asked for one by one: those that are wanted at the same moment are read by one statement, in one thread.

A thread for each answer costs more than the answer: sixteen clients on one process had twenty changes of threads an
answer, each waiting for the interpreter.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from database import Database
from database.records import ResultSummary
from qserver.batching import Batcher
from qserver.errors import NotFound
from qserver.identity import Identity
from rest_api.json_response import encode
from rest_api.original_views import results_view

MAX_SHARED = 64
"""Results of one reading, at most: each of them is small."""


@dataclass(frozen=True, slots=True)
class ResultText:
    """A job's results as JSON, and the id by which they are known."""

    id: UUID
    text: bytes


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A job, and who asks for its results."""

    job_id: UUID
    caller: Identity


class SharedResults:
    """Reads for many requests together. For one event loop; nobody waits for company."""

    def __init__(self, database: Database) -> None:
        """Read from `database`."""
        self._database = database
        self._batcher: Batcher[_Wanted, ResultText | NotFound | None] = Batcher(
            lambda wanted: asyncio.to_thread(self._read_all, wanted), delay_seconds=0, max_items=MAX_SHARED
        )

    async def read(self, job_id: UUID, caller: Identity) -> ResultText:
        """Give what the original contract shows of a job's results. Raises NotFound where there is none (yet)."""
        (answer,) = await self._batcher.submit([_Wanted(job_id, caller)])
        if isinstance(answer, NotFound):
            raise answer
        if answer is None:
            return await asyncio.to_thread(self._read_alone, job_id, caller)
        return answer

    def _read_all(self, wanted: Sequence[_Wanted]) -> Sequence[ResultText | NotFound | None]:
        """Answer each; None for what is so large that it is read alone."""
        places: defaultdict[Identity, list[int]] = defaultdict(list)
        for place, each in enumerate(wanted):
            places[each.caller].append(place)
        answers: list[ResultText | NotFound | None] = [None] * len(wanted)
        with self._database.reading() as transaction:
            for caller, of_caller in places.items():
                found = transaction.results.summaries([wanted[place].job_id for place in of_caller], caller)
                for place in of_caller:
                    answer = found.get(wanted[place].job_id)
                    answers[place] = _text_of(answer) if isinstance(answer, ResultSummary) else answer
        return answers

    def _read_alone(self, job_id: UUID, caller: Identity) -> ResultText:
        with self._database.reading() as transaction:
            return _text_of(transaction.results.summary(job_id, caller))


def _text_of(summary: ResultSummary) -> ResultText:
    return ResultText(summary.id, encode(results_view(summary)))
