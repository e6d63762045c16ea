"""The page that lists bad input is as the tests are."""

from tests.bad_input_page import MARKED, PAGE, lines, render


def test_the_page_lists_what_the_tests_try() -> None:
    assert PAGE.read_text() == render(), "run: python -m tests.bad_input_page"


def test_every_line_is_there_once() -> None:
    found = [(line.kind, line.what, line.door) for line in lines()]

    assert len(found) == len(set(found))


def test_modules_with_marks_have_lines() -> None:
    kinds = {line.kind for line in lines()}

    assert {module.KIND for module in MARKED} <= kinds
