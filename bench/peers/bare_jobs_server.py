"""`python -m bench.peers.bare_jobs_server`: answers the two calls of a lone job, as barely as gRPC allows.

No database, no check, no caller: what is left is what the calls themselves cost.
"""

import asyncio
import os
from collections.abc import AsyncIterator

import grpc
from grpc import aio

from qserver.rpc.v1 import jobs_pb2

PORT_VARIABLE = "BENCH_BARE_PORT"

_JOB = jobs_pb2.Job(
    id="00000000-0000-4000-8000-000000000001",
    spec=jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], shots=1024),
)
_RUN = jobs_pb2.RunRecord(
    backend="aer", method="statevector", device="CPU", reason="statevector of 2 qubits", shots=1024
)
_RESULT = jobs_pb2.GetResultResponse(pub_results=[jobs_pb2.PubResult(counts={"00": 500, "11": 524}, run=_RUN)])
_RESULTS = jobs_pb2.GetResultsResponse(results=[jobs_pb2.JobResult(id=_JOB.id, result=_RESULT)])


async def submit(request: jobs_pb2.SubmitJobsRequest, context: object) -> jobs_pb2.SubmitJobsResponse:
    """Take in a job."""
    del request, context
    return jobs_pb2.SubmitJobsResponse(answers=[jobs_pb2.SubmissionAnswer(job=_JOB)])


async def give(request: jobs_pb2.GetResultsRequest, context: object) -> AsyncIterator[jobs_pb2.GetResultsResponse]:
    """Give its result."""
    del request, context
    yield _RESULTS


async def serve(port: int) -> None:
    """Serve until SIGTERM."""
    server = aio.server()
    service = jobs_pb2.DESCRIPTOR.services_by_name["JobService"].full_name
    handler = grpc.method_handlers_generic_handler(
        service,
        {
            "SubmitJobs": grpc.unary_unary_rpc_method_handler(
                submit, jobs_pb2.SubmitJobsRequest.FromString, jobs_pb2.SubmitJobsResponse.SerializeToString
            ),
            "GetResults": grpc.unary_stream_rpc_method_handler(
                give, jobs_pb2.GetResultsRequest.FromString, jobs_pb2.GetResultsResponse.SerializeToString
            ),
        },
    )
    server.add_generic_rpc_handlers([handler])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(int(os.environ[PORT_VARIABLE])))
