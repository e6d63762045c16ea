"""From messages to submissions: what is small at once, what is large beside the event loop."""

from collections.abc import Sequence

from jobs_server.admission import Submission
from jobs_server.large_work import LargeWork
from jobs_server.pubs import PubSubmission, read_pubs
from jobs_server.requests import job_request
from jobs_server.sent_noise import NOTHING_SHARED, SentNoise, SharedModels
from qserver.identity import Identity
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings


class SubmissionReader:
    """Reads what comes by `qserver.v1`."""

    def __init__(self, limits: LimitSettings, large_work: LargeWork) -> None:
        """Keep to `limits`."""
        self._limits = limits
        self._large_work = large_work
        self._sent_noise = SentNoise(limits, large_work)

    async def shared(self, caller: Identity, texts: Sequence[bytes]) -> SharedModels:
        """Read the noise models that the submissions of a call share."""
        return await self._sent_noise.shared(caller.user_id, texts)

    async def submission(
        self,
        caller: Identity,
        spec: jobs_pb2.JobSpec,
        source: bytes,
        *,
        spec_bytes: int,
        shared: SharedModels = NOTHING_SHARED,
    ) -> Submission:
        """Read one job. Raises InvalidRequest or TooLarge naming the field."""
        sent = await self._sent_noise.options_of(caller.user_id, spec, shared)
        request = await self._large_work.do(
            caller.user_id, spec_bytes, lambda: job_request(spec, sent.options, self._limits)
        )
        return Submission(caller, request, source, sent.noise_model, spec_bytes=spec_bytes)

    async def pub_submission(
        self, caller: Identity, spec: jobs_pb2.JobSpec, pubs: Sequence[jobs_pb2.Pub], *, size_bytes: int
    ) -> PubSubmission:
        """Read one job of PUBs. Raises InvalidRequest or TooLarge naming the field, or the PUB."""
        sent = await self._sent_noise.options_of(caller.user_id, spec)

        def read() -> PubSubmission:
            request = job_request(spec, sent.options, self._limits)
            sent_pubs = read_pubs(request, spec, pubs, self._limits)
            return PubSubmission(caller, request, sent_pubs, sent.noise_model, size_bytes=size_bytes)

        return await self._large_work.do(caller.user_id, size_bytes, read)
