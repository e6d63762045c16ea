"""Submit a circuit by the generated stubs alone, wait, and read its counts: `python examples/submit.py [file]`."""

import os
import sys
from pathlib import Path

import grpc

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc

source = Path(sys.argv[1] if len(sys.argv) > 1 else "examples/bell.qasm").read_bytes()
spec = jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], shots=1000)

with grpc.insecure_channel(os.environ.get("QSERVER_GRPC_ADDRESS", "localhost:50051")) as channel:
    jobs = jobs_pb2_grpc.JobServiceStub(channel)
    upload = [jobs_pb2.SubmitJobRequest(spec=spec), jobs_pb2.SubmitJobRequest(chunk=source)]
    job = jobs.SubmitJob(iter(upload)).job
    for event in jobs.WatchJob(jobs_pb2.WatchJobRequest(id=job.id)):
        print(jobs_pb2.JobStatus.Name(event.status), event.message)
    result = jobs.GetResult(jobs_pb2.GetResultRequest(id=job.id)).pub_results[0]
    print(dict(result.counts), result.run.method, result.run.reason)
