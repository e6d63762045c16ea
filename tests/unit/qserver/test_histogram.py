from qserver.histogram import histogram


def test_the_most_frequent_outcome_comes_first_with_the_longest_bar() -> None:
    drawn = histogram({"00": 250, "11": 750}).splitlines()

    assert drawn[0].split() == ["11", "█" * 40, "750", "75.00%"]
    assert drawn[1].split() == ["00", "█" * 13, "250", "25.00%"]


def test_a_rare_outcome_is_still_seen() -> None:
    drawn = histogram({"0": 1_000_000, "1": 1}).splitlines()

    assert drawn[1].split()[:2] == ["1", "█"]


def test_many_outcomes_are_summed_up_in_the_last_row() -> None:
    drawn = histogram({f"{value:05b}": 10 for value in range(20)}).splitlines()

    assert len(drawn) == 17
    assert drawn[-1].strip() == "... and 4 other outcomes, 40 shots together"


def test_no_outcomes_are_said_in_words() -> None:
    drawn = histogram({})

    assert drawn == "(no outcomes)"
