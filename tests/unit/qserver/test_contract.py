"""Clients and servers of neighbouring versions understand each other: what clients out there know stays as it is."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qserver.rpc.v1 import jobs_pb2

PROTO = Path(__file__).parents[3] / "proto"
KEPT = PROTO / "kept" / "qserver.v1.binpb"
BUF = Path(sys.executable).with_name("buf")


def broken(proto: Path) -> str:
    """Have buf say what of the kept contract is no longer kept; nothing where all is."""
    asked = subprocess.run([BUF, "breaking", proto, "--against", KEPT], check=False, capture_output=True, text=True)
    assert asked.stderr == ""
    assert bool(asked.stdout) == bool(asked.returncode)
    return asked.stdout


def test_the_contract_keeps_what_clients_know() -> None:
    assert broken(PROTO) == ""


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    return shutil.copytree(PROTO, tmp_path / "proto")


def change(proto: Path, old: str, new: str) -> None:
    file = proto / "qserver" / "v1" / "jobs.proto"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_what_an_older_client_does_not_know_it_passes_over(proto: Path) -> None:
    change(proto, "message Job {\n", "message Job {\n  string new = 10000;\n")

    assert broken(proto) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("message GetJobRequest {\n  string id = 1;", "message GetJobRequest {\n  string identity = 1;", "identity"),
        ("message GetJobRequest {\n  string id = 1;", "message GetJobRequest {\n  int32 id = 1;", "int32"),
        ("message GetJobRequest {\n  string id = 1;", "message GetJobRequest {", "GetJobRequest"),
        ("RESULT_TYPE_COUNTS = 1;", "RESULT_TYPE_COUNTS = 99;", "ResultType"),
        ("  rpc GetJob(GetJobRequest) returns (GetJobResponse);", "", "GetJob"),
        ("returns (stream WatchJobResponse)", "returns (WatchJobResponse)", "WatchJob"),
    ],
)
def test_a_change_that_breaks_clients_is_named(proto: Path, old: str, new: str, said: str) -> None:
    change(proto, old, new)

    assert said in broken(proto)


def test_messages_of_a_newer_server_are_read_by_an_older_client() -> None:
    written = jobs_pb2.Job(id="the-job", message="why").SerializeToString() + b"\x82\x7d\x03new"  # field 2000

    assert jobs_pb2.Job.FromString(written).id == "the-job"
