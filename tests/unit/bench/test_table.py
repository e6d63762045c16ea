"""Runs are written down, read back, and told as tables."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import document, table
from bench.document import Document
from bench.figures import Comparison, Figure, Found, Row

RATE = Figure("circuits in batches", "jobs/s", [Comparison("QServer", "expert", at_least=1.6)])
MACHINE = {"cpu": "a CPU", "cores": 2, "memory": "24 GB", "python": "3.11.7", "packages": {"qiskit": "2.6.2"}}


def row(name: str = "batches", figure: Figure = RATE, **values: float) -> Row:
    rounds = [
        Found(
            {figure.what: {party: value * factor for party, value in values.items()}},
            {"QServer": {"client": 0.5, "workers": 0.2, "idle": 0.0}},
        )
        for factor in (1.0, 1.1, 0.9)
    ]
    return Row(name, [figure], rounds)


def run(*rows: Row, at: datetime = datetime(2026, 11, 26, 12, tzinfo=UTC)) -> Document:
    return Document(at, 1, MACHINE, rows)


def test_a_line_has_medians_ratio_and_target() -> None:
    text = table.tables([run(row(QServer=3000.0, expert=1500.0))])

    assert (
        "| circuits in batches | QServer / expert | 3,000 / 1,500 jobs/s | 2.00 (2.00 to 2.00) | at least 1.6 | yes |"
        in text
    )
    assert "| batches | QServer | 0.700 | client 0.500, workers 0.200 |" in text
    assert "2 cores (a CPU)" in text


@pytest.mark.parametrize(
    ("comparison", "reached"),
    [
        (Comparison("QServer", "expert", at_least=2.1), "no"),
        (Comparison("QServer", "expert", at_most=2.1), "yes"),
        (Comparison("QServer", "expert", at_most=1.9), "no"),
        (Comparison("expert", "QServer", at_least=0.5), "yes"),
        (Comparison("QServer", "expert"), ""),
        (Comparison("QServer", at_most=3001), "yes"),
    ],
)
def test_a_target_is_reached_or_not(comparison: Comparison, reached: str) -> None:
    figure = Figure("circuits", "ms", [comparison])

    text = table.tables([run(row(figure=figure, QServer=3000.0, expert=1500.0))])

    (line,) = (line for line in text.splitlines() if line.startswith("| circuits"))
    assert line.endswith(f"| {reached} |")


def test_growth_below_nothing_is_within_its_bound() -> None:
    figure = Figure("growth", "MB", [Comparison("growth", at_most=50)])

    text = table.tables([run(row(figure=figure, growth=-0.2))])

    assert "| growth | growth | -0.200 MB | -0.200 (-0.220 to -0.180) MB | at most 50 | yes |" in text


def test_a_measure_that_did_not_run_is_told_with_its_reason() -> None:
    missing = Row("dense_auto", [RATE], (), not_run="backend 'auto' is not served")

    text = table.tables([run(row(QServer=1.0, expert=1.0), missing)])

    assert "Not run: dense_auto (circuits in batches): backend 'auto' is not served." in text


def test_of_a_measure_that_ran_twice_the_newest_run_counts() -> None:
    older = run(row(QServer=1.0, expert=2.0), row("idle", QServer=7.0, expert=7.0))
    newer = run(row(QServer=4.0, expert=2.0), at=datetime(2026, 11, 27, tzinfo=UTC))

    text = table.tables([newer, older])

    assert "4.00 / 2.00 jobs/s" in text
    assert "1.00 / 2.00 jobs/s" not in text
    assert "7.00 / 7.00 jobs/s" in text


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    whole = run(row(QServer=3000.0, expert=1500.0), Row("idle", [RATE], (), not_run="no"))

    document.write(tmp_path / "results" / "run.json", whole)

    assert table.tables([document.read(tmp_path / "results" / "run.json")]) == table.tables([whole])


def test_tables_go_between_the_marks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")

    table.write_into(page, [run(row(QServer=1.0, expert=1.0))])

    text = page.read_text()
    assert text.startswith(f"before\n{table.BEGIN}\n\n")
    assert text.endswith(f"\n\n{table.END}\nafter\n")
    assert "old" not in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")

    with pytest.raises(ValueError, match=r"page\.md needs one line"):
        table.write_into(page, [run()])

    assert page.read_text() == "nothing\n"
