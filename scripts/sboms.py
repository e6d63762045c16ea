"""A bill of materials for each image, in CycloneDX: build/sbom/IMAGE.cdx.json, from the lock that the image installs.

It lists what pip puts into the image, with hashes, and the image that it is built on. What lies in that one is told by
the attestation that `make push` adds.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qserver import __version__
from scripts.locks import LOCKS, ROOT

FOLDER = ROOT / "build" / "sbom"
PYTHON, NGINX = "python:3.12-slim", "nginx:1.28"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """An image, the lock that is installed into it, if any, and what it is built on."""

    name: str
    lock: str | None
    base: str = PYTHON


IMAGES = (
    Image("jobs-server", "jobs-server"),
    Image("rest-api", "rest-api"),
    Image("worker", "worker-simulator"),
    Image("worker-gpu", "worker-simulator-gpu"),
    Image("janitor", "janitor"),
    Image("proxy", None, NGINX),
)


def describe(image: Image, document: Mapping[str, Any], *, version: str) -> Document:
    """Say which image the document is about, and add what it is built on."""
    name, _, tag = image.base.partition(":")
    base = {
        "type": "container",
        "bom-ref": f"base:{image.base}",
        "name": name,
        "version": tag,
        "purl": f"pkg:docker/{name}@{tag}",
    }
    root = {"type": "container", "bom-ref": "image", "name": f"qserver/{image.name}", "version": version}
    components = [*document.get("components", ()), base]
    references = sorted(component["bom-ref"] for component in components)
    return {
        **document,
        "metadata": {**document.get("metadata", {}), "component": root},
        "components": components,
        "dependencies": [{"ref": "image", "dependsOn": references}],
    }


def read_lock(lock: str) -> Document:
    """Have cyclonedx-py read a lock. The same lock gives the same document."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(LOCKS / f"{lock}.txt")]
    options = ["--output-format", "JSON", "--output-reproducible"]
    written = subprocess.run([*command, *options], capture_output=True, text=True, check=True, timeout=300).stdout
    document: Document = json.loads(written)
    return document


def empty_document() -> Document:
    """Begin a document for an image into which pip installs nothing."""
    return {"bomFormat": "CycloneDX", "specVersion": "1.6"}


def main() -> int:
    """Write all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        document = read_lock(image.lock) if image.lock else empty_document()
        path = FOLDER / f"{image.name}.cdx.json"
        described = describe(image, document, version=sys.argv[1] if len(sys.argv) > 1 else __version__)
        path.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(described['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
