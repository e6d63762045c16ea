"""No weakness is called fine because nobody could be asked."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts import advisories
from scripts.advisories import FOUND, NOT_CHECKED, check, judge

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
WEAK = {
    "name": "weak",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"]}],
}
SKIPPED = {"name": "skipped", "skip_reason": "not found"}

Report = Mapping[str, object]


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "some.txt"
    path.write_text("sound==1.0 \\\n    --hash=sha256:00\nweak==1.0 \\\n    --hash=sha256:11\n")
    return path


def report(*dependencies: object) -> Report:
    return {"dependencies": list(dependencies), "fixes": []}


def test_a_weakness_is_told_with_what_mends_it() -> None:
    assert judge(report(SOUND, WEAK), {}).weaknesses == ["weak 1.0: PYSEC-1, mended in 1.1"]


def test_a_weakness_that_is_accepted_under_any_name_is_left_out() -> None:
    assert judge(report(WEAK), {"CVE-1": "we don't call it"}).weaknesses == []


def test_a_package_that_was_skipped_is_not_checked() -> None:
    assert judge(report(SOUND, SKIPPED), {}).unchecked == ["skipped: not found"]


def test_another_service_is_asked_where_one_knows_too_little(lock: Path) -> None:
    answers: Mapping[str, Report | str] = {"pypi": report(SKIPPED), "osv": report(SOUND, WEAK)}

    verdict = check(lock, {}, ask=lambda _, service: answers[service])

    assert (len(verdict.weaknesses), verdict.unchecked) == (1, [])


def test_where_no_service_answers_nothing_is_checked(lock: Path) -> None:
    verdict = check(lock, {}, ask=lambda _, service: f"{service} is away")

    assert verdict.unchecked == ["sound: pypi: pypi is away", "weak: pypi: pypi is away"]


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [
        (report(SOUND), 0, "some.txt: 0 known, 0 not checked"),
        (report(SOUND, WEAK), FOUND, "known weakness: weak 1.0: PYSEC-1"),
        (report(SOUND, SKIPPED), NOT_CHECKED, "NOT CHECKED: no service of advisories answered for 1 packages"),
        ("away", NOT_CHECKED, "NOT CHECKED: no service of advisories answered for 2 packages"),
    ],
)
def test_the_status_says_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lock: Path,
    answer: Report | str,
    status: int,
    sentence: str,
) -> None:
    monkeypatch.setattr(advisories, "LOCKS", lock.parent)
    monkeypatch.setattr(advisories.check, "__kwdefaults__", {"ask": lambda *_: answer})

    assert advisories.main() == status
    assert sentence in capsys.readouterr().out
