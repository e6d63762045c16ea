"""The page `docs/bad-input.md`, written from what the tests try: `python -m tests.bad_input_page`."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.acceptance.bad_input import (
    test_injection,
    test_large_calls,
    test_questions,
    test_submissions,
    test_uploads,
)
from tests.integration.proxy import test_connections, test_hostile_connections, test_hostile_requests
from tests.tried import TRIED, Tried

PAGE = Path(__file__).parents[1] / "docs" / "bad-input.md"
MARKED = (test_uploads, test_large_calls, test_hostile_connections, test_connections)
"""Modules whose tests carry their lines as marks."""

HEAD = """# Bad input, and what it gets

Written by `python -m tests.bad_input_page` from the tables that the tests run; a test fails where this page is stale.
Each line is tried against the real services. After a refusal they hold the rows and files that they held before, have
grown by less than 256 MiB, and answer the next request at once. An answer in quotes is a pattern that its sentence
matches.

What no test tries: a client that reads its answer slowly, and floods from thousands of addresses, which limits of an
address do not stop. A header block of HTTP/2 that never ends is not closed by the proxy (it was open after 100 s); such
connections are counted, and one address holds only so many.
"""


def lines() -> list[Tried]:
    """Give all lines, those of a kind together."""
    marked = chain.from_iterable(TRIED[module.__name__] for module in MARKED)
    tables = (test_submissions.TRIED, test_questions.TRIED, marked, test_injection.TRIED, test_hostile_requests.TRIED)
    found = list(chain.from_iterable(tables))
    kinds = list(dict.fromkeys(line.kind for line in found))
    return sorted(found, key=lambda line: kinds.index(line.kind))


def render() -> str:
    """Give the whole page."""
    return HEAD + "".join(_rendered(lines()))


def _rendered(tried: list[Tried]) -> Iterator[str]:
    kind = ""
    for line in tried:
        if line.kind != kind:
            kind = line.kind
            yield f"\n## {kind}\n\n| what | by | answer |\n| --- | --- | --- |\n"
        yield f"| {_cell(line.what)} | {_cell(line.door)} | {_cell(line.answer)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(render())
