"""Jobs of PUBs in a simulator: each PUB is a task, and the job ends as all of them do. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from database.records import ClaimedJob
from qserver.plugins import Failure, Outcome, Success, Task
from qserver.results import PubResult


@dataclass(frozen=True, slots=True)
class PubResults:
    """Every PUB of the job ran; their results in order."""

    results: tuple[PubResult, ...]


def pub_tasks(claimed: ClaimedJob) -> Sequence[Task]:
    """Give a task for each PUB."""
    model = None if claimed.noise_model is None else claimed.noise_model.text
    return [
        Task(key=_key(claimed, place), circuit=pub.circuit, request=pub.run, plan=pub.plan, noise_model=model)
        for place, pub in enumerate(claimed.pubs)
    ]


def whole_outcome(claimed: ClaimedJob, by_key: Mapping[str, Outcome]) -> PubResults | Failure | None:
    """Give what became of the job: the first failure decides. None where a PUB was not answered."""
    results: list[PubResult] = []
    for place in range(len(claimed.pubs)):
        match by_key.get(_key(claimed, place)):
            case Success(result=result):
                results.append(result)
            case Failure(reason=reason, message=message):
                return Failure(str(claimed.job.id), reason, f"PUB {place}: {message}")
            case None:
                return None
    return PubResults(tuple(results))


def _key(claimed: ClaimedJob, place: int) -> str:
    return f"{claimed.job.id}/{place}"
