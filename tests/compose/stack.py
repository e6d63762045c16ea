"""The deployed form under a name, in networks and on ports of its own, driven from outside."""

import json
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import grpc
import httpx

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.servers.ports import free_port
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 300
TIMEOUT_SECONDS = 120
SERVICES = ("proxy", "jobs-server", "rest-api", "worker", "janitor", "postgres", "rabbitmq")
UPGRADED = "0.0.0-upgraded"
"""What a test calls the version that it upgrades to; its images are removed at the end."""
RUN_ONCE = ("migrate", "broker-accounts")
BELL = b'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'

Inspection = Mapping[str, object]


class Stack:
    """compose.yml under the project name `qserver-test-<process id>`, with an .env that `make env` has made."""

    address = "10.213.77.1"
    """What containers of other networks reach the box by."""

    def __init__(self, *files: str) -> None:
        """Make the file of secrets; nothing runs before `up`. Compose `files` of the tests come after compose.yml."""
        self.folder = Path(tempfile.mkdtemp(prefix="qserver-compose-"))
        self.http_port, self.https_port, self.worker_port = free_port(), free_port(), free_port()
        self.project = f"qserver-test-{os.getpid()}"
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("QSERVER_")} | {
            "COMPOSE_PROJECT_NAME": self.project,
            "ENV_FILE": str(self.folder / "env"),
            "QSERVER_PRIVATE_CA_FOLDER": str(self.folder / "certificates"),
        }
        self.env_file.write_text(
            f"HTTP_PORT={self.http_port}\nHTTPS_PORT={self.https_port}\nWORKER_PORT={self.worker_port}\n"
            f"COMPOSE_FILE={':'.join(('compose.yml', *files))}\n"
            # Beside an installation of this machine's own.
            "SUBNET=10.213.77.0/27\nPROXY_ADDRESS=10.213.77.30\n"
            "BACK_SUBNET=10.213.78.0/24\nEGRESS_SUBNET=10.213.79.0/24\n"
            # Clients of the original service come by port 8080 and know no keys.
            "QSERVER_ANONYMOUS_FROM=10.213.77.0/27\n"
            # Of what a slow machine may take long for.
            "QSERVER_INSPECTOR_SECONDS=120\n"
            # A leased job of a killed worker runs again sooner.
            "QSERVER_LEASE_SECONDS=10\nQSERVER_LEASE_RENEW_SECONDS=3\n"
        )
        self.run(["scripts/make-env.sh"])

    @property
    def env_file(self) -> Path:
        """The file of secrets."""
        return self.folder / "env"

    @cached_property
    def admin_key(self) -> str:
        """The administrator's key."""
        return self.setting("QSERVER_ADMIN_KEY")

    def setting(self, name: str) -> str:
        """Give what .env says of a variable."""
        return self.run(["scripts/make-env.sh", "--value", name]).stdout.strip()

    def run(self, command: Sequence[str], *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the repository as its user would. Raises with what it said where it fails."""
        environment = self._environment | variables
        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=1500
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run `docker compose`; gives what it wrote."""
        command = ["docker", "compose", "--env-file", str(self.env_file), *arguments]
        done = self.run(command, check=check)
        return done.stdout + ("" if check else done.stderr)

    def build(self) -> None:
        """Build the images, unless the environment says that they are there: QSERVER_TEST_COMPOSE_BUILD=0."""
        if os.environ.get("QSERVER_TEST_COMPOSE_BUILD", "1") != "0":
            self.compose("build", "--quiet")

    def upgrade(self) -> None:
        """Build the images of another version, for `up` to start."""
        with self.env_file.open("a") as settings:
            settings.write(f"QSERVER_VERSION={UPGRADED}\n")
        self.compose("build", "--quiet")

    def up(self) -> None:
        """Start everything, as `docker compose up -d` does, and wait until all of it is healthy."""
        self.compose("up", "--detach")
        wait_until(self.is_healthy, timeout_seconds=START_SECONDS, what="every container is healthy")

    def down(self, *options: str, check: bool = True) -> None:
        """Take everything down, with what profiles have started."""
        self.compose("--profile", "*", "down", "--timeout", "60", *options, check=check)

    def close(self) -> None:
        """Take everything down, volumes too. Safe to repeat."""
        self.down("--volumes", check=False)
        made = self.run(["docker", "images", "--quiet", "--filter", f"reference=*/*:{UPGRADED}"]).stdout.split()
        if made:
            self.run(["docker", "image", "rm", "--force", *sorted(set(made))], check=False)
        shutil.rmtree(self.folder)

    def containers(self) -> Mapping[str, Inspection]:
        """Give what `docker inspect` says, by name without the project's."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(self.run(["docker", "inspect", *ids]).stdout)
        prefix = f"/{self.project}-"
        return {container["Name"].removeprefix(prefix): container for container in found}

    def is_healthy(self) -> bool:
        """Whether all services are running and healthy, workers too. Raises where one has given up."""
        services = {name: each for name, each in self.containers().items() if not name.startswith(RUN_ONCE)}
        return {name.rpartition("-")[0] for name in services} == set(SERVICES) and all(
            look(each, "State", "Health", "Status") == "healthy" for each in services.values()
        )

    @property
    def certificate(self) -> bytes:
        """The certificate that the proxy serves, as PEM."""
        return ssl.get_server_certificate(("127.0.0.1", self.https_port)).encode()

    def tls_channel(self) -> grpc.Channel:
        """Open a channel to port 443's stand-in that trusts what the proxy made for itself."""
        return grpc.secure_channel(
            f"localhost:{self.https_port}",
            grpc.composite_channel_credentials(
                grpc.ssl_channel_credentials(self.certificate), grpc.access_token_call_credentials(self.admin_key)
            ),
            [("grpc.max_receive_message_length", 64 * 1024 * 1024)],
        )

    def cleartext_channel(self) -> grpc.Channel:
        """Open a channel to port 8080's stand-in, which takes no key in cleartext: its user is `anonymous`."""
        return grpc.insecure_channel(f"localhost:{self.http_port}")

    def http(self) -> httpx.Client:
        """Open a client of HTTP over TLS that trusts what the proxy made for itself."""
        trusted = ssl.create_default_context(cadata=self.certificate.decode())
        return httpx.Client(
            base_url=f"https://localhost:{self.https_port}",
            verify=trusted,
            headers={"Authorization": f"Bearer {self.admin_key}"},
            timeout=TIMEOUT_SECONDS,
        )

    def in_database(self, statement: str) -> str:
        """Have Postgres run a statement as the tables' owner; gives what it selects."""
        command = 'psql --quiet --username "$POSTGRES_USER" --dbname qserver --tuples-only --no-align --command "$0"'
        return self.compose("exec", "-T", "postgres", "sh", "-c", command, statement).strip()

    def number_of(self, table: str) -> int:
        """Count the rows of a table."""
        return int(self.in_database(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a name of ours

    def crash(self, service: str) -> None:
        """Kill all containers of a service as a power cut would, and start them again: them alone."""
        ids = self.compose("ps", "--quiet", service).split()
        self.run(["docker", "kill", *ids])
        self.run(["docker", "start", *ids])


def look(container: Inspection, *path: str) -> object:
    """Give a value deep inside of what `docker inspect` says."""
    value: object = container
    for name in path:
        value = cast("Mapping[str, object]", value or {}).get(name)
    return value


def submission(request_id: str, source: bytes = BELL) -> jobs_pb2.JobSubmission:
    """Give a job that is safe to submit twice."""
    spec = jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], shots=100, request_id=request_id)
    return jobs_pb2.JobSubmission(spec=spec, source=source)


def submit(stack: Stack, submissions: Sequence[jobs_pb2.JobSubmission]) -> list[str]:
    """Submit jobs in one call over TLS; gives their ids."""
    with stack.tls_channel() as channel:
        call = jobs_pb2_grpc.JobServiceStub(channel).SubmitJobs
        answers = call(jobs_pb2.SubmitJobsRequest(submissions=submissions), timeout=120).answers
    return [answer.job.id for answer in answers]


def statuses(channel: grpc.Channel, job_ids: Sequence[str]) -> list[str]:
    """Give the status of each job."""
    jobs = jobs_pb2_grpc.JobServiceStub(channel)
    found = (jobs.GetJob(jobs_pb2.GetJobRequest(id=job_id), timeout=30).job.status for job_id in job_ids)
    return [jobs_pb2.JobStatus.Name(status) for status in found]


def wait_until_finished(stack: Stack, job_ids: Sequence[str]) -> None:
    """Wait until every job has finished; whoever doesn't answer meanwhile is asked again."""
    left = set(job_ids)

    def all_are() -> bool:
        try:
            with stack.tls_channel() as channel:
                for job_id, status in zip(list(left), statuses(channel, list(left)), strict=True):
                    assert status not in {"JOB_STATUS_FAILED", "JOB_STATUS_CANCELED"}, job_id
                    if status == "JOB_STATUS_FINISHED":
                        left.discard(job_id)
        except (grpc.RpcError, OSError):
            return False
        return not left

    wait_until(all_are, timeout_seconds=START_SECONDS, what="every job has finished")
