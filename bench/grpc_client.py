"""A client of QServer's own interface, as a program that sends many circuits would write it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc

from bench.tasks import Outcome, Task, Terms
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc

_CALLS_IN_FLIGHT = 8
_JOBS_A_CALL = 250
_TIMEOUT_SECONDS = 600

ToSpec = Callable[[Task], jobs_pb2.JobSpec]


def to_spec(task: Task, *, backend: str = "aer", priority: int = 0) -> jobs_pb2.JobSpec:
    """Say how a task is to be run."""
    result_types = [jobs_pb2.RESULT_TYPE_COUNTS]
    if task.observables:
        result_types += [jobs_pb2.RESULT_TYPE_QUASI_DIST, jobs_pb2.RESULT_TYPE_EXPVAL]
    return jobs_pb2.JobSpec(
        backend=backend,
        result_types=result_types,
        shots=task.shots,
        observables=map(_to_observable, task.observables),
        priority=priority,
    )


def _to_observable(terms: Terms) -> jobs_pb2.Observable:
    pairs = [jobs_pb2.PauliTerm(pauli=pauli, coefficient=coefficient) for pauli, coefficient in terms]
    return jobs_pb2.Observable(terms=pairs)


class GrpcClient:
    """One channel, as a program would keep it."""

    def __init__(self, address: str) -> None:
        """Connect."""
        self._channel = grpc.insecure_channel(address)
        self._jobs = jobs_pb2_grpc.JobServiceStub(self._channel)

    def close(self) -> None:
        """Disconnect."""
        self._channel.close()

    def backends(self) -> set[str]:
        """Name the backends that are served."""
        answer = self._jobs.ListBackends(jobs_pb2.ListBackendsRequest(), timeout=_TIMEOUT_SECONDS)
        return {backend.name for backend in answer.backends}

    def run(self, tasks: Sequence[Task], spec: ToSpec = to_spec) -> Sequence[Outcome]:
        """Submit many circuits a call, several calls in flight, and read the results of each call as they come."""
        starts = range(0, len(tasks), _JOBS_A_CALL)
        with ThreadPoolExecutor(_CALLS_IN_FLIGHT) as calls:
            outcomes = calls.map(lambda start: self._run_call(tasks[start : start + _JOBS_A_CALL], spec), starts)
            return [outcome for call in outcomes for outcome in call]

    def run_one_by_one(self, tasks: Sequence[Task], *, clients: int) -> Sequence[Outcome]:
        """Have each of many clients submit its circuits one a call, and then wait for the results of all of them."""
        shares = [tasks[number::clients] for number in range(clients)]
        outcomes: list[Outcome | None] = [None] * len(tasks)
        with ThreadPoolExecutor(clients) as pool:
            for number, share in enumerate(pool.map(self._run_share, shares)):
                outcomes[number::clients] = share
        return [outcome for outcome in outcomes if outcome is not None]

    def run_in_turns(self, tasks: Sequence[Task], *, clients: int) -> Sequence[Outcome]:
        """Have each of many clients submit a circuit and wait for its result before the next."""
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(self.run_one, tasks))

    def run_one(self, task: Task, spec: ToSpec = to_spec) -> Outcome:
        """Submit one circuit, and give its result as soon as it is pushed."""
        return self._run_call([task], spec)[0]

    def submit(self, tasks: Sequence[Task], spec: ToSpec = to_spec) -> Sequence[str]:
        """Submit circuits in one call; gives the ids of their jobs."""
        submissions = [jobs_pb2.JobSubmission(spec=spec(task), source=task.source.encode()) for task in tasks]
        request = jobs_pb2.SubmitJobsRequest(submissions=submissions)
        return [_job_id(answer) for answer in self._jobs.SubmitJobs(request, timeout=_TIMEOUT_SECONDS).answers]

    def _run_share(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        return self._read([self.submit([task])[0] for task in tasks]) if tasks else ()

    def _run_call(self, tasks: Sequence[Task], spec: ToSpec) -> Sequence[Outcome]:
        return self._read(self.submit(tasks, spec))

    def _read(self, job_ids: Sequence[str]) -> Sequence[Outcome]:
        """Wait for the results of jobs, pushed as they come, and give them in the jobs' order."""
        request = jobs_pb2.GetResultsRequest(ids=job_ids, wait=True)
        found = {
            answer.id: _outcome(answer)
            for message in self._jobs.GetResults(request, timeout=_TIMEOUT_SECONDS)
            for answer in message.results
        }
        return [found[job_id] for job_id in job_ids]


def _job_id(answer: jobs_pb2.SubmissionAnswer) -> str:
    if not answer.HasField("job"):
        raise RuntimeError(f"a circuit of the bench was refused: {answer.error.message}")
    return answer.job.id


def _outcome(answer: jobs_pb2.JobResult) -> Outcome:
    if not answer.HasField("result"):
        raise RuntimeError(f"a circuit of the bench has no result: {answer.error.message}")
    result = answer.result.pub_results[0]
    return Outcome(result.counts, result.quasi_dist, result.expval)
