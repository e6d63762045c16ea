"""Keys on the real services: one directory behind two doors, on two processes and PostgreSQL."""

import re
import subprocess
import sys
from collections.abc import Iterator

import grpc
import httpx
import pytest

from qserver.access.keys import make_key
from qserver.client.client import Client
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.deployment import REPOSITORY, Deployment
from tests.servers.standalone import standalone_environment
from tests.waiting import wait_until

ADMIN_KEY = make_key()
BELL = (REPOSITORY / "examples" / "bell.qasm").read_text()
SUBMISSION = {"backend": "aer", "circuit": BELL, "result_types": ["counts"], "shots": 100}


@pytest.fixture
def guarded(postgres_database_url: str, rabbitmq_url: str) -> Iterator[Deployment]:
    """Services that ask for keys, remember good ones for long, and know the administrator's."""
    services = Deployment(
        postgres_database_url,
        rabbitmq_url,
        workers=1,
        QSERVER_AUTH="required",
        QSERVER_ADMIN_KEY=ADMIN_KEY,
        QSERVER_KEY_CACHE_SECONDS="60",
    )
    try:
        services.start()
        yield services
        services.stop()
        assert services.faults_in_logs() == []
        assert not any(ADMIN_KEY in path.read_text(errors="replace") for path in services.folder.glob("*.log"))
    finally:
        services.close()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def new_user(http: httpx.Client, name: str) -> str:
    """Add a user as the administrator; gives their key."""
    http.post("/api/v1/users", json={"name": name}, headers=bearer(ADMIN_KEY)).raise_for_status()
    made = http.post("/api/v1/keys", json={"name": "first", "user": name}, headers=bearer(ADMIN_KEY))
    return str(made.raise_for_status().json()["key"])


def listed(jobs: jobs_pb2_grpc.JobServiceStub, key: str) -> list[str] | grpc.StatusCode:
    """List jobs with a key; gives the ids, or the status of the refusal."""
    try:
        answer = jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=30, metadata=(*bearer(key).items(),))
    except grpc.RpcError as error:
        return error.code()
    return [job.id for job in answer.jobs]


@pytest.mark.timeout(300)
def test_a_key_opens_both_doors_until_it_is_revoked(guarded: Deployment) -> None:
    with (
        httpx.Client(base_url=guarded.http_url, timeout=30) as http,
        grpc.insecure_channel(guarded.grpc_address) as channel,
    ):
        jobs = jobs_pb2_grpc.JobServiceStub(channel)
        assert http.get("/api/v1/jobs").status_code == httpx.codes.UNAUTHORIZED
        ada, eve = new_user(http, "ada"), new_user(http, "eve")

        submitted = http.post("/api/v1/jobs", json=SUBMISSION, headers=bearer(ada))
        job_id = submitted.raise_for_status().json()["id"]

        def is_finished() -> bool:
            job = http.get(f"/api/v1/job/{job_id}", headers=bearer(ada)).raise_for_status().json()
            return bool(job["status"] == "finished")

        wait_until(is_finished, what="the job is finished")
        assert listed(jobs, ada) == [job_id]
        assert listed(jobs, eve) == []
        assert http.get(f"/api/v1/job/result/{job_id}", headers=bearer(eve)).status_code == httpx.codes.NOT_FOUND
        assert sum(http.get(f"/api/v1/job/result/{job_id}", headers=bearer(ada)).json()["counts"].values()) == 100

        (of_ada,) = http.get("/api/v1/jobs?user=ada", headers=bearer(ADMIN_KEY)).json()
        assert (of_ada["id"], of_ada["owner"]) == (job_id, "ada")
        assert http.get("/api/v1/jobs?user=eve", headers=bearer(ADMIN_KEY)).json() == []
        request, metadata = jobs_pb2.ListJobsRequest(user="ada"), (*bearer(ADMIN_KEY).items(),)
        assert [job.owner for job in jobs.ListJobs(request, timeout=30, metadata=metadata).jobs] == ["ada"]
        watch = jobs.WatchJob(jobs_pb2.WatchJobRequest(id=job_id), timeout=30, metadata=(*bearer(ada).items(),))
        assert next(watch).actor == "ada"

        (key,) = http.get("/api/v1/keys", headers=bearer(ada)).json()
        assert key["last_used_at"] is not None
        http.delete(f"/api/v1/key/{key['id']}", headers=bearer(ada)).raise_for_status()

        # Both services hear of it, much sooner than they would forget.
        wait_until(lambda: listed(jobs, ada) is grpc.StatusCode.UNAUTHENTICATED, what="gRPC refuses the key")
        assert http.get("/api/v1/jobs", headers=bearer(ada)).status_code == httpx.codes.UNAUTHORIZED
        trail = http.get("/api/v1/audit", headers=bearer(ADMIN_KEY)).json()
        assert [(entry["actor"], entry["action"]) for entry in trail[:1]] == [("ada", "key.revoked")]


def command_line(services: Deployment, key: str, *arguments: str) -> str:
    """Run `qserver` as somebody; gives what it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "qserver.cli.__main__", *arguments],
        cwd=REPOSITORY,
        env=standalone_environment()
        | {
            "QSERVER_URL": services.http_url,
            "QSERVER_GRPC_URL": f"http://{services.grpc_address}",
            "QSERVER_API_KEY": key,
            "XDG_CONFIG_HOME": str(services.folder),
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_an_administrator_sees_whose_a_job_is(guarded: Deployment) -> None:
    with httpx.Client(base_url=guarded.http_url, timeout=30) as http:
        keys = {name: new_user(http, name) for name in ("ada", "eve")}
        ids = {
            name: http.post("/api/v1/jobs", json=SUBMISSION, headers=bearer(key)).raise_for_status().json()["id"]
            for name, key in keys.items()
        }

    of_all = command_line(guarded, ADMIN_KEY, "jobs").splitlines()
    of_ada = command_line(guarded, ADMIN_KEY, "jobs", "--user", "ada").splitlines()
    own = command_line(guarded, keys["ada"], "jobs").splitlines()
    anothers = command_line(guarded, keys["ada"], "jobs", "--user", "eve").splitlines()
    shown = command_line(guarded, ADMIN_KEY, "show", ids["eve"])

    assert [(line.split()[0], line.split()[-1]) for line in of_all] == [
        ("id", "owner"),
        (ids["eve"], "eve"),
        (ids["ada"], "ada"),
    ]
    assert [(line.split()[0], line.split()[-1]) for line in of_ada] == [("id", "owner"), (ids["ada"], "ada")]
    assert [line.split()[0] for line in own] == ["id", ids["ada"]]
    assert "owner" not in own[0]
    assert [line.split()[0] for line in anothers] == ["id"]
    assert re.search(r"^owner +eve$", shown, re.MULTILINE)
    with Client(guarded.http_url, api_key=ADMIN_KEY, grpc_url=f"http://{guarded.grpc_address}") as client:
        assert [(job.id, job.owner) for job in client.jobs(user="eve")] == [(ids["eve"], "eve")]
        assert next(iter(client.job(ids["eve"]).events())).actor == "eve"
        assert next(iter(client.watch_jobs(user="eve"))).owner == "eve"  # Ada's are older


def first_event(lines: Iterator[str]) -> str:
    return next(line for line in lines if line.startswith("data:"))


@pytest.mark.timeout(300)
def test_streams_end_with_the_key_that_opened_them(guarded: Deployment) -> None:
    guarded.kill("worker-0")  # so that no stream ends because its job does
    with (
        httpx.Client(base_url=guarded.http_url, timeout=60) as http,
        grpc.insecure_channel(guarded.grpc_address) as channel,
    ):
        ada = new_user(http, "ada")
        job_id = http.post("/api/v1/jobs", json=SUBMISSION, headers=bearer(ada)).raise_for_status().json()["id"]
        watch = jobs_pb2_grpc.JobServiceStub(channel).WatchJob(
            jobs_pb2.WatchJobRequest(id=job_id), timeout=60, metadata=(*bearer(ada).items(),)
        )
        next(watch)
        with http.stream("GET", f"/api/v1/job/{job_id}/events", headers=bearer(ada)) as events:
            lines = events.iter_lines()
            assert '"status":"pending"' in first_event(lines)

            changed = http.put("/api/v1/user/ada", json={"disabled": True}, headers=bearer(ADMIN_KEY))
            changed.raise_for_status()

            assert '"reason":"UNAUTHENTICATED"' in first_event(lines)
            assert [line for line in lines if line] == []  # nothing after it
        with pytest.raises(grpc.RpcError) as caught:
            next(watch)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
