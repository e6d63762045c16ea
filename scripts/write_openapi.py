"""Write the OpenAPI document of the HTTP interface: `python -m scripts.write_openapi FILE`. Needs no server."""

import argparse
import json
from pathlib import Path

from rest_api.app import all_routes
from rest_api.openapi import describe


def main() -> None:
    """Write to the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(describe(all_routes()), indent=2, ensure_ascii=False) + "\n")
    print(file)


if __name__ == "__main__":
    main()
