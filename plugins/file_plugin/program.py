"""The program of a file plugin's process: loads the plugin once, and executes one job after the other.

Started by `runner`, where nothing but the standard library and the modules imported here can be had. Answers the
methods `warm_up` and `run` of the sandbox's protocol; `plugins.file_plugin.process` is the other side.
"""

import importlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from qserver.errors import ExecutionError
from qserver.sandbox.child import serve

MAX_DEPTH = 4  # of a result: a list of arrays is 2


class OriginalPlugin(Protocol):
    """The original service's plugin interface."""

    def execute(
        self, target_backend: str, qasm_file_path: str, metadata: Mapping[str, object], result_type: str
    ) -> object:
        """Run the circuit in the file and give one type of result."""


class PluginProgram:
    """The plugin in this process."""

    def __init__(self, module_name: str) -> None:
        """Remember what to load."""
        self._module_name = module_name
        self._plugin: OriginalPlugin | None = None

    def warm_up(self, _: bytes) -> bytes:
        """Load the plugin. Raises whatever it raises."""
        self._load()
        return b""

    def run(self, payload: bytes) -> bytes:
        """Execute one job, once for each result type.

        The payload is a line of JSON and the circuit; the reply is a JSON object with a value for each result type.
        Raises whatever the plugin raises, and ExecutionError for a result that JSON can't say.
        """
        head, _, circuit = payload.partition(b"\n")
        request = json.loads(head)
        plugin = self._load()
        results = {
            result_type: _execute(plugin, request, circuit, result_type) for result_type in request["result_types"]
        }
        return json.dumps(results).encode()

    def _load(self) -> OriginalPlugin:
        if self._plugin is None:
            module = importlib.import_module(self._module_name)
            self._plugin = cast("OriginalPlugin", module.Plugin())
        return self._plugin


def _execute(plugin: OriginalPlugin, request: Mapping[str, object], circuit: bytes, result_type: str) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "circuit.qasm"
        path.write_bytes(circuit)
        # Both are made anew for each call: the plugin may change what it was given.
        metadata = json.loads(str(request["metadata"]))
        return plain(plugin.execute(str(request["backend"]), os.fspath(path), metadata, result_type))


def plain(value: object, depth: int = 0) -> object:
    """Turn NumPy's scalars and arrays, tuples and mappings into what JSON has. Raises ExecutionError for all else."""
    if depth > MAX_DEPTH:
        raise ExecutionError(f"the plugin's result is nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return _plain_mapping(value, depth)
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    to_list = getattr(value, "tolist", None)  # NumPy is the plugin's own, if it has any
    if callable(to_list):
        return plain(to_list(), depth + 1)
    raise ExecutionError(f"the plugin's result holds a value of type {type(value).__name__}")


def _plain_mapping(mapping: Mapping[object, object], depth: int) -> object:
    pairs = [(_text_of_key(key), plain(value, depth + 1)) for key, value in mapping.items()]
    if len(dict(pairs)) < len(pairs):
        raise ExecutionError("the plugin's result has two keys that are the same as text")
    return dict(pairs)


def _text_of_key(key: object) -> str:
    key = plain(key)
    if not isinstance(key, str | int):
        raise ExecutionError(f"the plugin's result has a key of type {type(key).__name__}")
    return str(key)


def main() -> None:
    """Answer the parent until it hangs up."""
    program = PluginProgram(sys.argv[1])
    serve({"warm_up": program.warm_up, "run": program.run})


if __name__ == "__main__":
    main()
