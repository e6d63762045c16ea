"""A QServer for blocking programs."""

import os
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self, Unpack, overload

from qserver.client.access import find_access
from qserver.client.circuits import AnyCircuit, ManyCircuits
from qserver.client.connection import Connection
from qserver.client.job_info import BackendInfo, JobInfo, backend_info, job_info
from qserver.client.jobs import Job, Jobs
from qserver.client.outcomes import accepted
from qserver.client.patience import Patience
from qserver.client.progress import ListingProgress
from qserver.client.results import Result
from qserver.client.submissions import Wishes, backend_to_ask, written
from qserver.jobs import JobStatus
from qserver.json_types import JsonValue
from qserver.rpc.v1 import jobs_pb2


class Client:
    """Sends circuits to a server, and reads what comes back. Safe to use from several threads."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        ca: str | os.PathLike[str] | None = None,
        grpc_url: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Name the server; the first call connects.

        `url` is `https://box`, `http://127.0.0.1:8080`, or `box` for the former; without one, QSERVER_URL, or where
        `qserver login` was last. `api_key` (QSERVER_API_KEY, or what login kept) says who calls. `ca` (QSERVER_CA) is a
        file with the authority's certificate, where no public one signed the server's. `grpc_url` (QSERVER_GRPC_URL) is
        needed where gRPC is reached otherwise than the server says, as through a tunnel with ports of its own.
        Raises SettingsError where one of these can't be right.
        """
        self._access = find_access(url, api_key=api_key, ca=ca, grpc_url=grpc_url)
        self._connection = Connection(self._access, patience or Patience())

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Disconnect."""
        self.close()

    @property
    def url(self) -> str:
        """The server."""
        return self._access.http.url

    def close(self) -> None:
        """Disconnect; calls that are still open end. Jobs go on."""
        self._connection.close()

    @overload
    def submit(self, circuit: ManyCircuits, **wishes: Unpack[Wishes]) -> Jobs: ...
    @overload
    def submit(self, circuit: AnyCircuit, **wishes: Unpack[Wishes]) -> Job: ...
    def submit(self, circuit: AnyCircuit | ManyCircuits, **wishes: Unpack[Wishes]) -> Job | Jobs:
        """Send a circuit, or a list of them, and give its job, or their jobs in order. See Wishes for the keywords.

        A circuit is OpenQASM 2 or 3 text, QPY bytes, a path, or an object of Qiskit, Cirq or PennyLane. Each submission
        has a request_id, so that one whose answer was lost is repeated and runs once. Raises InvalidRequest,
        InvalidCircuit and their kin where it can't be run, SomeRefused where that is so for some of a list, and
        Unavailable where nobody answers.
        """
        if not isinstance(circuit, (list, tuple)):
            return Job(self._connection, self._submit([circuit], wishes, is_many=False)[0])
        return Jobs(self._connection, self._submit(circuit, wishes, is_many=True))

    def run(self, circuit: AnyCircuit, *, timeout_seconds: float | None = None, **wishes: Unpack[Wishes]) -> Result:
        """Send one circuit and wait for its result. Raises as `submit` and `Job.result` do."""
        return self.submit([circuit], **wishes)[0].result(timeout_seconds)

    def job(self, job_id: str) -> Job:
        """Name a job by its id; asks nothing."""
        return Job(self._connection, job_id)

    def named_jobs(self, job_ids: Sequence[str]) -> Jobs:
        """Name jobs by their ids; asks nothing."""
        return Jobs(self._connection, job_ids)

    def jobs(
        self, *, statuses: Iterable[JobStatus | str] = (), limit: int | None = 20, user: str = ""
    ) -> Iterator[JobInfo]:
        """Give one's own jobs, newest first: all where `limit` is None; only those in `statuses`, if any.

        Only administrators get jobs of others: everybody's, or those of `user`.
        """
        progress = ListingProgress(statuses, limit, user)
        while not progress.is_done():
            page = self._connection.call(lambda stub: stub.ListJobs, progress.request())
            for job in progress.hear(page):
                yield job_info(job)

    def watch_jobs(
        self, *, statuses: Iterable[JobStatus | str] = (), limit: int = 20, user: str = ""
    ) -> Iterator[JobInfo]:
        """Give one's newest `limit` jobs, at most 500 and oldest first, then each that is new or changes, for ever.

        Only those in `statuses`, if any. An administrator gets everybody's jobs; with `user`, those of this user, of
        which only the ones among the newest 500 of all users are listed at first. The server pushes; a lost connection
        is made again, and what changed meanwhile is given. Raises Unavailable where nobody answers for too long.
        """
        yield from map(job_info, self._connection.job_list(statuses, limit, user))

    def backends(self) -> list[BackendInfo]:
        """Give what circuits can be sent to."""
        answer = self._connection.call(lambda stub: stub.ListBackends, jobs_pb2.ListBackendsRequest())
        return [backend_info(backend) for backend in answer.backends]

    def me(self) -> JsonValue:
        """Give who calls: name, role and what the key may do, as `GET /api/v1/me` says it."""
        return self._connection.http.get("/api/v1/me")

    def workers(self) -> JsonValue:
        """Give the workers with what they have and do, as `GET /api/v1/workers` says it."""
        return self._connection.http.get("/api/v1/workers")

    def plugins(self) -> JsonValue:
        """Give the plugins with their backends, as `GET /api/v1/plugins` says it."""
        return self._connection.http.get("/api/v1/plugins")

    def limits(self) -> JsonValue:
        """Give what a request may ask for, as `GET /api/v1/limits` says it."""
        return self._connection.http.get("/api/v1/limits")

    def health(self) -> JsonValue:
        """Give how the server is, as `GET /api/v1/health/ready` says it. Raises Unavailable where nobody answers."""
        return self._connection.http.get("/api/v1/health/ready")

    def _submit(self, circuits: Sequence[AnyCircuit], wishes: Wishes, *, is_many: bool) -> list[str]:
        backend = backend_to_ask(circuits, wishes)
        qpy_versions = () if backend is None else self._connection.qpy_versions(backend)
        return accepted(self._connection.submit(*written(circuits, wishes, qpy_versions, is_many=is_many)))
