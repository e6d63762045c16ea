"""The original service's dialect: `Jobs` at the root path, metadata as JSON text."""

from collections.abc import AsyncIterator

from grpc import aio

from jobs_server import limits as checks
from jobs_server.admission import Submission
from jobs_server.caller import current_caller
from jobs_server.catalog import Catalog
from jobs_server.intake import Intake
from jobs_server.original_requests import job_request
from jobs_server.upload import UploadRoom, receive
from qserver.rpc.original import jobs_pb2, jobs_pb2_grpc
from qserver.settings import LimitSettings


class OriginalService(jobs_pb2_grpc.JobsServicer):
    """Takes jobs from clients written for the original service."""

    def __init__(self, intake: Intake, catalog: Catalog, room: UploadRoom, limits: LimitSettings) -> None:
        """Hand jobs to `intake`."""
        self._intake = intake
        self._catalog = catalog
        self._room = room
        self._limits = limits

    async def AddJob(
        self,
        request_iterator: AsyncIterator[jobs_pb2.JobData],
        context: aio.ServicerContext[jobs_pb2.JobData, jobs_pb2.PendingJob],
    ) -> jobs_pb2.PendingJob:
        """Take one job: its properties, then its circuit in pieces."""
        with self._room.upload() as upload:
            properties = await receive(request_iterator, upload, part=_part, header_name="properties")
            checks.check_backend_name(properties.targetSimulator)
            backend = await self._catalog.backend(properties.targetSimulator)
            request = job_request(properties, self._limits, is_file_plugin=backend.file_plugin is not None)
            job = await self._intake.submit(Submission(current_caller.get(), request, upload.source()))
        return jobs_pb2.PendingJob(id=str(job.id))

    async def HealthCheck(
        self,
        request: jobs_pb2.HealthCheckInput,
        context: aio.ServicerContext[jobs_pb2.HealthCheckInput, jobs_pb2.Health],
    ) -> jobs_pb2.Health:
        """Say that this process answers."""
        return jobs_pb2.Health(status="OK")


def _part(message: jobs_pb2.JobData) -> jobs_pb2.JobProperties | bytes | None:
    match message.WhichOneof("data"):
        case "properties":
            return message.properties
        case "qasmChunk":
            return message.qasmChunk.encode()
        case _:
            return None
