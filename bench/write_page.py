"""`python -m bench.write_page FILE...`: write the tables of some runs into docs/performance.md."""

import sys
from pathlib import Path

from bench import document, table
from bench.__main__ import PAGE


def main() -> None:
    """Write them. Exits with a sentence where no file is named."""
    if not sys.argv[1:]:
        sys.exit("name the files of bench/results/ that the page is to tell of")
    table.write_into(PAGE, [document.read(Path(name)) for name in sys.argv[1:]])


if __name__ == "__main__":
    main()
