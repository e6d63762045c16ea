"""The blocks of code in our pages, as whoever reads them meets them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

REPOSITORY = Path(__file__).parent.parent
SHELL, PYTHON = "sh", "python"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page: fenced, or indented and then without a language. `line` counts from 1."""

    page: str
    line: int
    language: str
    text: str

    @property
    def lines(self) -> Sequence[str]:
        """Its lines, without empty ones."""
        return [line for line in self.text.splitlines() if line.strip()]


def pages() -> list[str]:
    """Name all pages, by their paths in the repository."""
    found = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    return sorted(str(page.relative_to(REPOSITORY)) for page in found)


def blocks_of(page: str) -> Iterator[Block]:
    """Give the blocks of a page in order, but for those that tell Sphinx what to put there."""
    for token in MarkdownIt().parse((REPOSITORY / page).read_text()):
        if token.type in {"fence", "code_block"} and not token.info.startswith("{"):
            assert token.map is not None, page
            yield Block(page, token.map[0] + 1, token.info, token.content)
