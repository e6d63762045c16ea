"""The client: circuits go to a server, jobs and results come back. Needs grpcio, protobuf and httpx, nothing else."""

from qserver.client.async_client import AsyncClient
from qserver.client.async_jobs import AsyncJob, AsyncJobs
from qserver.client.client import Client
from qserver.client.jobs import Job, Jobs
from qserver.client.patience import Patience
from qserver.client.results import Result

__all__ = ["AsyncClient", "AsyncJob", "AsyncJobs", "Client", "Job", "Jobs", "Patience", "Result"]
