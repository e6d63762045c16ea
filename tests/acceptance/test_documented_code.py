"""The Python in our pages runs as it stands there."""

import ast
import inspect
from types import CodeType

import pytest

from tests.documents import PYTHON, blocks_of
from tests.not_run import is_run
from tests.servers.standalone import REPOSITORY, Standalone

BELL = (REPOSITORY / "examples" / "bell.qasm").read_text()
PAGES = {
    "README.md": "result",
    "docs/quickstart.md": "counts",
    "docs/howto/client.md": "counts",
    "docs/howto/run-qiskit-code.md": "values",
}
"""Each with a name that has a value once all of it has run."""


def _blocks(page: str, url: str) -> list[CodeType]:
    return [
        compile(
            block.text.replace("http://127.0.0.1:8080", url),
            f"{page}, line {block.line}",
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        )
        for block in blocks_of(page)
        if block.language == PYTHON and is_run(block)
    ]


@pytest.mark.parametrize("page", PAGES)
async def test_each_block_of_a_page_runs(page: str, box: Standalone, monkeypatch: pytest.MonkeyPatch) -> None:
    from qserver import Client  # noqa: PLC0415 - as the page before it imported it

    monkeypatch.setenv("QSERVER_URL", box.url)
    monkeypatch.chdir(REPOSITORY)
    with Client() as client:
        known: dict[str, object] = {"client": client, "circuit": BELL, "circuits": [BELL] * 3}

        for block in _blocks(page, box.url):
            outcome = eval(block, known)  # noqa: S307 - our own pages; awaits where the page does
            if inspect.isawaitable(outcome):
                await outcome
        if isinstance(last := known["client"], Client):  # the page's own
            last.close()

    assert known[PAGES[page]] is not None
