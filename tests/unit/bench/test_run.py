"""A run warms up, goes round by round, and says what it could not measure."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest

from bench.figures import Comparison, Figure, Found, NotRunError
from bench.house import House
from bench.measures import MEASURES
from bench.measures.measure import Round
from bench.options import parse_options
from bench.run import run_rounds


class Counting:
    """A measure that gives its round's number, or can't run from some round on."""

    def __init__(self, name: str, *, fails_from: int = 99, warms_itself: bool = False) -> None:
        self.name = name
        self.warms_itself = warms_itself
        self.turns: list[Round] = []
        self._fails_from = fails_from

    def figures(self, scale: float) -> Sequence[Figure]:
        return [Figure(f"turns at {scale:g}", "turns", [Comparison("QServer")])]

    def run(self, house: House, turn: Round) -> Found:  # noqa: ARG002 - the measure interface
        self.turns.append(turn)
        if turn.number >= self._fails_from:
            raise NotRunError("it is not served")
        return Found({self.figures(turn.scale)[0].what: {"QServer": turn.number}})


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def say(said: list[str]) -> Callable[[str], None]:
    return said.append


def test_rounds_are_interleaved_after_a_small_warm_up(said: list[str], say: Callable[[str], None]) -> None:
    first, second = Counting("first"), Counting("second", warms_itself=True)

    *_, rows = run_rounds([first, second], House(ExitStack()), rounds=2, scale=0.5, say=say)

    assert first.turns == [Round(0, 0.05), Round(1, 0.5), Round(2, 0.5)]
    assert second.turns == [Round(1, 0.5), Round(2, 0.5)]
    assert [row.ratios(row.figures[0], Comparison("QServer")) for row in rows] == [[1, 2], [1, 2]]
    assert said == ["warming up: first", *(f"round {n}: {name}" for n in (1, 2) for name in ("first", "second"))]


@pytest.mark.parametrize("fails_from", [0, 1])
def test_what_can_not_run_is_asked_once_and_keeps_its_reason(fails_from: int, say: Callable[[str], None]) -> None:
    measure = Counting("auto", fails_from=fails_from)

    *_, (row,) = run_rounds([measure], House(ExitStack()), rounds=3, scale=1, say=say)

    assert row.not_run == "it is not served"
    assert not row.rounds
    assert len(measure.turns) == fails_from + 1


def test_every_measure_has_a_name_of_its_own_and_says_what_it_finds_at_each_scale() -> None:
    names = [measure.name for measure in MEASURES]
    words = [figure.what for measure in MEASURES for figure in measure.figures(0.01)]

    assert len(set(names)) == len(names)
    assert len(set(words)) == len(words)
    assert not [word for word in words if "{" in word]


def test_a_trial_shrinks_sizes_to_no_less_than_what_can_be_timed() -> None:
    turn = Round(1, 0.001)

    assert (turn.size(3000), turn.size(100_000), turn.size(20)) == (32, 100, 20)


def test_options_name_measures_rounds_and_scale() -> None:
    options = parse_options(["--only", "idle", "--only", "mixed", "--rounds", "2", "--scale", "0.1"], ["idle", "mixed"])

    assert (options.only, options.rounds, options.scale, options.is_whole) == (("idle", "mixed"), 2, 0.1, False)
    assert parse_options([], ["idle"]).is_whole


@pytest.mark.parametrize("arguments", [["--scale", "0"], ["--scale", "2"], ["--rounds", "0"], ["--only", "nothing"]])
def test_options_that_can_not_be_right_end_with_a_message(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_options(arguments, ["idle"])

    assert arguments[1] in capsys.readouterr().err


def test_no_two_measures_or_rounds_share_a_seed() -> None:
    seeds = {Round(number, 1).seed(measure.name) for measure in MEASURES for number in range(10)}

    assert len(seeds) == 10 * len(MEASURES)
