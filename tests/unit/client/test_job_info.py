"""Jobs and events as a server tells them."""

import pytest

from qserver.client.job_info import job_info, job_update
from qserver.errors import QServerError
from qserver.rpc.v1 import jobs_pb2


def test_a_state_that_only_a_newer_server_knows_is_named() -> None:
    with pytest.raises(QServerError, match="the state 77 of a job, which this client doesn't know: update it"):
        job_info(jobs_pb2.Job(status=77))  # type: ignore[arg-type]  # as it comes over the wire
    with pytest.raises(QServerError, match="the state 77"):
        job_update(jobs_pb2.WatchJobResponse(status=77))  # type: ignore[arg-type]
