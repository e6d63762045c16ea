"""What the command line reads, and what its exit status means."""

import json
from datetime import UTC, datetime

import pytest
import typer

from qserver.cli.documents import line_of, outcome_document
from qserver.cli.exit_codes import ExitCode, exit_code_of
from qserver.cli.session import ids_of
from qserver.cli.wishes import Said, wishes_of
from qserver.client.results import Result
from qserver.errors import (
    Conflict,
    ExecutionError,
    InvalidCircuit,
    JobCanceled,
    MissingPackage,
    NotFound,
    Overloaded,
    PermissionDenied,
    QServerError,
    QuotaExceeded,
    SettingsError,
    Unauthenticated,
    Unavailable,
    WaitTimeout,
)
from qserver.rpc.v1 import jobs_pb2


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (SettingsError, ExitCode.USAGE),
        (MissingPackage, ExitCode.USAGE),
        (InvalidCircuit, ExitCode.REFUSED),
        (Conflict, ExitCode.REFUSED),
        (ExecutionError, ExitCode.FAILED),
        (JobCanceled, ExitCode.FAILED),
        (NotFound, ExitCode.NOT_FOUND),
        (Unauthenticated, ExitCode.NOT_ALLOWED),
        (PermissionDenied, ExitCode.NOT_ALLOWED),
        (QuotaExceeded, ExitCode.TRY_LATER),
        (Unavailable, ExitCode.TRY_LATER),
        (Overloaded, ExitCode.TRY_LATER),
        (WaitTimeout, ExitCode.NOT_YET),
        (QServerError, ExitCode.FAULT),
    ],
)
def test_the_status_says_what_a_script_can_do(kind: type[QServerError], code: ExitCode) -> None:
    assert exit_code_of(kind("why")) is code


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("ZZ", {"ZZ": 1.0}),
        ("0.5*ZZ+XI", {"ZZ": 0.5, "XI": 1.0}),
        ("-ZZ - 0.1*IX", {"ZZ": -1.0, "IX": -0.1}),
        ("1e-3*ZZ-2*XX", {"ZZ": 0.001, "XX": -2.0}),
        ("ZZ+ZZ", {"ZZ": 2.0}),
    ],
)
def test_observables_are_read_as_people_write_them(text: str, terms: dict[str, float]) -> None:
    assert wishes_of(Said(observables=[text]))["observables"] == [terms]


def test_expectation_values_come_with_observables_unless_results_are_named() -> None:
    assert wishes_of(Said())["results"] == ["counts"]
    assert wishes_of(Said(observables=["ZZ"]))["results"] == ["counts", "expval"]
    assert wishes_of(Said(observables=["ZZ"], results=["expval,memory"]))["results"] == ["expval", "memory"]


def test_options_are_json_or_text() -> None:
    wishes = wishes_of(Said(options=["device=GPU", "bond=16", 'noise={"a": [1]}'], metadata='{"who": "me"}'))

    assert wishes["options"] == {"device": "GPU", "bond": 16, "noise": {"a": [1]}}
    assert wishes["metadata"] == {"who": "me"}


@pytest.mark.parametrize(
    "said", [Said(options=["device"]), Said(metadata="{"), Said(metadata="[]"), Said(observables=["a*ZZ"])]
)
def test_what_cannot_be_read_is_the_callers_fault(said: Said) -> None:
    with pytest.raises(typer.BadParameter):
        wishes_of(said)


def test_a_line_of_json_holds_a_whole_result() -> None:
    message = jobs_pb2.PubResult(
        counts={"0": 1}, expval=[1.0], expval_standard_errors=[0.0], run=jobs_pb2.RunRecord(shots=1, method="m")
    )
    document = outcome_document("the-job", (Result("the-job", message),))

    read = json.loads(line_of({**document, "at": datetime(2030, 1, 1, tzinfo=UTC)}))

    assert read["id"] == "the-job"
    assert read["results"][0]["counts"] == {"0": 1}
    assert read["results"][0]["expval"] == [1.0]
    assert read["results"][0]["run"]["method"] == "m"
    assert read["at"] == "2030-01-01T00:00:00+00:00"


def test_a_line_of_json_says_why_there_is_no_result() -> None:
    document = outcome_document("the-job", InvalidCircuit("why", line=3, column=7))

    assert json.loads(line_of(document)) == {
        "id": "the-job",
        "error": {"reason": "INVALID_CIRCUIT", "message": "why", "line": 3, "column": 7},
    }


def test_ids_are_read_from_what_submit_writes_with_json_and_without() -> None:
    lines = [
        "one  bell.qasm\n",
        "\n",
        '{"id": "two", "file": "ghz.qasm"}\n',
        '{"file": "bad.qasm", "error": {"reason": "INVALID_CIRCUIT"}}\n',
        "3\n",
    ]

    assert list(ids_of(lines)) == ["one", "two", "3"]
