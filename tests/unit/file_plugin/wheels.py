"""Wheels made in a test: the smallest distribution that pip takes, without a build tool."""

import hashlib
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

GOOD_PLUGIN = """
class Plugin:
    backends = ["tiny"]

    def execute(self, target_backend, qasm_file_path, metadata, result_type):
        return {"counts": {"0": metadata["shots"]}, "quasi_dist": {0: 1.0}, "expval": [1.0]}[result_type]
"""


def make_wheel(
    folder: Path,
    name: str = "tiny-plugin",
    *,
    version: str = "1.0",
    code: str = GOOD_PLUGIN,
    backends: bytes | None = b"tiny\n",
    requires: Sequence[str] = (),
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel of one module into `folder`, which is made where needed."""
    module = name.replace("-", "_")
    metadata = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        *(f"Requires-Dist: {r}\n" for r in requires),
    ]
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}/__init__.py": code.encode(),
        f"{info}/METADATA": "".join(metadata).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    if backends is not None:
        files[f"{module}/backends.txt"] = backends
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-{tag}.whl"
    _write(path, {**files, f"{info}/RECORD": _record(files, info)})
    return path


def _record(files: Mapping[str, bytes], info: str) -> bytes:
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    return "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()


def _digest(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _write(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
