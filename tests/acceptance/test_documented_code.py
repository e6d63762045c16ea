"""The Python in the pages about the client runs as it stands there."""

import ast
import inspect
import re
from types import CodeType

import pytest

from tests.servers.standalone import REPOSITORY, Standalone

BELL = (REPOSITORY / "examples" / "bell.qasm").read_text()


def _blocks(page: str) -> list[CodeType]:
    text = (REPOSITORY / "docs" / page).read_text()
    return [
        compile(block, f"{page}, block {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    ]


@pytest.mark.parametrize(
    ("page", "number"), [("quickstart.md", 2), ("howto/client.md", 2), ("howto/run-qiskit-code.md", 1)]
)
async def test_each_block_of_a_page_runs(
    page: str, number: int, box: Standalone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qserver import Client  # noqa: PLC0415 - as the page before it imported it

    monkeypatch.setenv("QSERVER_URL", box.url)
    with Client() as client:
        known: dict[str, object] = {"client": client, "circuit": BELL, "circuits": [BELL] * 3}
        blocks = _blocks(page)

        for block in blocks:
            outcome = eval(block, known)  # noqa: S307 - our own pages; awaits where the page does
            if inspect.isawaitable(outcome):
                await outcome
        if isinstance(last := known["client"], Client):  # the page's own
            last.close()

    assert len(blocks) == number
    assert known["counts"]
