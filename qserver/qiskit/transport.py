"""The few calls that this package makes of a server, by the connection of `qserver.client`."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from uuid import uuid4
from weakref import finalize

from qserver.client.access import find_access
from qserver.client.connection import Connection
from qserver.client.outcomes import succeeded
from qserver.client.patience import Deadline, Patience
from qserver.client.progress import PAGE_JOBS, ListingProgress
from qserver.client.submissions import name_all
from qserver.errors import Conflict, QServerError
from qserver.rpc.v1 import jobs_pb2

_FEW_JOBS = 4
"""So many are asked for one by one."""


class Transport:
    """A connection to one server, opened at the first call. Safe to share between threads.

    What is submitted has a name: where an answer was lost, it is sent again and runs once.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        ca: str | os.PathLike[str] | None = None,
        grpc_url: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Name the server as `qserver.Client` does. Raises SettingsError where one of these can't be right."""
        access = find_access(url, api_key=api_key, ca=ca, grpc_url=grpc_url)
        self.url = access.http.url
        self._connection = Connection(access, patience or Patience())
        # Code written for a simulator in process closes nothing.
        self._closing = finalize(self, self._connection.close)

    def __deepcopy__(self, memo: dict[int, object]) -> "Transport":
        """Share the connection: who copies a backend, as IBM's primitives do, wants its options and the same server."""
        return self

    def submit_pubs(self, spec: jobs_pb2.JobSpec, pubs: Iterable[jobs_pb2.Pub]) -> jobs_pb2.Job:
        """Submit one job of PUBs. Raises what the server refuses it for."""
        spec.request_id = spec.request_id or str(uuid4())
        messages = [jobs_pb2.SubmitPubsRequest(pub=pub) for pub in pubs]
        return self._connection.submit_pubs([jobs_pb2.SubmitPubsRequest(spec=spec), *messages])

    def submit_pub_lists(self, spec: jobs_pb2.JobSpec, lists: Iterable[Iterable[jobs_pb2.Pub]]) -> Sequence[str]:
        """Submit each list of PUBs as a job of its own; give their ids. If one is refused, none goes on.

        Raises what the first one is refused for, by the server or already by who writes its PUBs.
        """
        name, job_ids, num_before = spec.request_id or str(uuid4()), list[str](), 0
        for place, pubs in enumerate(lists):
            spec.request_id = f"{name}-{place}"
            try:
                messages = list(pubs)
                job_ids.append(self.submit_pubs(spec, messages).id)
            except QServerError as error:
                self.cancel_all(job_ids)
                if job_ids:
                    _add_words(error, f"of the PUBs from {num_before} on")
                raise
            num_before += len(messages)
        return job_ids

    def submit_jobs(self, submissions: Sequence[jobs_pb2.JobSubmission], noise_model: bytes = b"") -> Sequence[str]:
        """Submit jobs of one circuit each, and the noise model that they name; give their ids.

        If one is refused, none goes on.

        Raises what the server refuses the first one for, naming its place.
        """
        name_all(submissions, is_many=True)
        answers = self._connection.submit(submissions, noise_model)
        job_ids = [answer.id for answer in answers if isinstance(answer, jobs_pb2.Job)]
        for place, answer in enumerate(answers):
            if isinstance(answer, QServerError):
                self.cancel_all(job_ids)
                if len(answers) > 1:
                    _add_words(answer, f"circuit {place}")
                raise answer
        return job_ids

    def job(self, job_id: str) -> jobs_pb2.Job:
        """Give a job as it stands. Raises NotFound."""
        return self._connection.call(lambda stub: stub.GetJob, jobs_pb2.GetJobRequest(id=job_id)).job

    def statuses(self, job_ids: Sequence[str]) -> Mapping[str, jobs_pb2.JobStatus.ValueType]:
        """Give where each job is: many are looked for among one's newest jobs, page by page. Raises NotFound."""
        found: dict[str, jobs_pb2.JobStatus.ValueType] = {}
        if len(job_ids) > _FEW_JOBS:
            wanted, pages = frozenset(job_ids), ListingProgress((), 2 * len(job_ids) + PAGE_JOBS)
            while not pages.is_done() and len(found) < len(wanted):
                page = self._connection.call(lambda stub: stub.ListJobs, pages.request())
                found.update((job.id, job.status) for job in pages.hear(page) if job.id in wanted)
        return found | {job_id: self.job(job_id).status for job_id in job_ids if job_id not in found}

    def cancel(self, job_id: str) -> jobs_pb2.Job:
        """Stop a job. Raises Conflict where it is over."""
        return self._connection.call(lambda stub: stub.CancelJob, jobs_pb2.CancelJobRequest(id=job_id)).job

    def delete(self, job_id: str) -> None:
        """Remove a job with its results. Raises Conflict while it runs."""
        self._connection.call(lambda stub: stub.DeleteJob, jobs_pb2.DeleteJobRequest(id=job_id))

    def cancel_all(self, job_ids: Sequence[str]) -> int:
        """Stop those of the jobs that are not over; tell how many were stopped."""
        stopped = 0
        for job_id in job_ids:
            with suppress(Conflict):  # it is over already
                self.cancel(job_id)
                stopped += 1
        return stopped

    def result(self, job_id: str, *, timeout_seconds: float | None = None) -> Sequence[jobs_pb2.PubResult]:
        """Wait for a job's results, one a PUB. Raises as `results` does."""
        return self.results([job_id], timeout_seconds=timeout_seconds)[0]

    def results(
        self, job_ids: Sequence[str], *, timeout_seconds: float | None = None
    ) -> Sequence[Sequence[jobs_pb2.PubResult]]:
        """Wait for the results of jobs, in order, each one a PUB; across lost connections, and a server that restarts.

        Raises ExecutionError where a job failed or was canceled, NotFound where there is none, WaitTimeout.
        """
        outcomes = self._connection.outcomes(job_ids, Deadline(timeout_seconds))
        found = {job_id: [result.message for result in succeeded(outcome)] for job_id, outcome in outcomes}
        return [found[job_id] for job_id in job_ids]

    def backends(self) -> Sequence[jobs_pb2.Backend]:
        """List what circuits can be sent to."""
        return self._connection.call(lambda stub: stub.ListBackends, jobs_pb2.ListBackendsRequest()).backends

    def close(self) -> None:
        """Disconnect, as happens by itself when nobody holds this any more. Jobs go on."""
        self._closing()


def _add_words(refused: QServerError, about: str) -> None:
    refused.message = f"{about}: {refused.message}"
    refused.args = (refused.message,)
