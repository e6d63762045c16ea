"""What is shown of jobs while they are followed."""

import io

import pytest
from rich.console import Console

from qserver.cli.watching import Board
from qserver.jobs import JobStatus


def drawn(board: Board) -> str:
    console = Console(file=io.StringIO(), width=200)
    with console.capture() as capture:
        console.print(board)
    return capture.get()


def test_a_job_is_shown_as_it_goes_on() -> None:
    board = Board({"a": "bell.qasm"})
    board.tell("a", JobStatus.RUNNING, "")
    running = drawn(board)
    board.tell("a", JobStatus.FINISHED, "simulated 0.01 s")

    assert "bell.qasm  running" in running
    assert "finished" in drawn(board)
    assert "simulated 0.01 s" in drawn(board)


@pytest.mark.parametrize("late", [JobStatus.PENDING, JobStatus.RUNNING])
def test_an_event_that_comes_after_the_outcome_takes_nothing_back(late: JobStatus) -> None:
    board = Board({"a": "bell.qasm"})
    board.tell("a", JobStatus.FINISHED, "simulated 0.01 s")

    board.tell("a", late, "")

    assert "finished" in drawn(board)
    assert "simulated 0.01 s" in drawn(board)
