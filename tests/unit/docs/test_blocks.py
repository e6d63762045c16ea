"""Whoever writes an example has it run by a test, or says why none does."""

import re

import pytest

from tests.acceptance import test_documented_code, test_documented_commands
from tests.documents import PYTHON, REPOSITORY, SHELL, Block, blocks_of, pages
from tests.not_run import LINES, WHOLE_PAGES, is_run, reason_of

BLOCKS = [block for page in pages() for block in blocks_of(page)]
RUN_BY = {PYTHON: set(test_documented_code.PAGES), SHELL: set(test_documented_commands.PAGES)}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}:{block.line}")
def test_a_block_is_run_or_stands_on_the_list_of_those_that_are_not(block: Block) -> None:
    if is_run(block):
        assert block.page in RUN_BY[block.language], "no test runs the blocks of this page"
    elif block.page not in WHOLE_PAGES:
        assert reason_of(block.page, block.lines[0]), "run it (sh, python), or say why not in tests/not_run.py"


@pytest.mark.parametrize(("page", "beginning"), [(page, line) for page, lines in LINES.items() for line in lines])
def test_nothing_on_the_list_is_gone(page: str, beginning: str) -> None:
    assert any(line.startswith(beginning) for block in blocks_of(page) for line in block.lines)


def test_each_page_on_the_list_has_blocks_and_none_is_run() -> None:
    assert WHOLE_PAGES.keys() <= {block.page for block in BLOCKS}
    assert not WHOLE_PAGES.keys() & (RUN_BY[PYTHON] | RUN_BY[SHELL] | LINES.keys())


def test_the_tests_that_the_reasons_name_exist() -> None:
    reasons = [*WHOLE_PAGES.values(), *(reason for lines in LINES.values() for reason in lines.values())]

    named = {path for reason in reasons for path in re.findall(r"tests/[\w/]+(?:\.py)?", reason)}

    assert {path for path in named if not (REPOSITORY / path).exists()} == set()


def test_a_target_of_make_that_a_page_names_exists() -> None:
    phony = re.findall(r"^\.PHONY: (.+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    targets = {target for line in phony for target in line.split()}

    named = {
        (block.page, target)
        for block in BLOCKS
        for target in re.findall(r"(?:^|&& )(?:[A-Z_]+=\S+ )*make ([a-z-]+)", block.text, re.MULTILINE)
    }

    assert {target for _, target in named} >= {"demo", "up", "docs"}
    assert {(page, target) for page, target in named if target not in targets} == set()
