"""What `qserver result --plot` writes."""

from pathlib import Path

import pytest

from qserver.cli import reading


@pytest.mark.parametrize(("pubs", "names"), [(1, ["counts.svg"]), (2, ["counts-0.svg", "counts-1.svg"])])
def test_each_result_has_a_picture_of_its_own(pubs: int, names: list[str]) -> None:
    assert [reading.picture_of(Path("counts.svg"), number, pubs).name for number in range(pubs)] == names
