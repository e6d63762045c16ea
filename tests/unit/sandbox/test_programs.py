"""Children that are a program of their own, in another language if need be."""

import sys
from pathlib import Path

import pytest

from qserver.sandbox.errors import ChildDied
from qserver.sandbox.forkserver import Forkserver, start_program
from qserver.sandbox.limits import Limits
from tests.unit.sandbox.calls import call

REPOSITORY = Path(__file__).parents[3]


def test_another_program_speaks_the_same_protocol(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from qserver.sandbox.child import serve\n"
        "serve({'version': lambda _: repr(sys.argv[1:] + [sys.flags.isolated, len(sys.modules)]).encode()})\n"
    )

    with start_program([sys.executable, "-I", str(script), "an argument"], Limits()) as child:
        reply = call(child, "version")

    assert reply.startswith(b"['an argument', 1, ")


def test_a_program_is_confined_like_any_child(forkserver: Forkserver) -> None:
    argv = [sys.executable, "-c", "from tests.unit.sandbox.children import main; main()"]
    with forkserver.start_program(argv, Limits(may_start_processes=True), {"PYTHONPATH": str(REPOSITORY)}) as child:
        assert call(child, "try_network") == b"denied"
        assert call(child, "try_escape") == b"denied"


def test_a_program_that_is_not_there_is_told_by_the_first_call(forkserver: Forkserver) -> None:
    with (
        forkserver.start_program(["/nowhere/python"], Limits()) as child,
        pytest.raises(ChildDied, match="could not start: FileNotFoundError"),
    ):
        call(child, "echo")
