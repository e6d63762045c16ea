import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from plugins.file_plugin.program import PluginProgram, plain
from qserver.errors import ExecutionError

RECORDING_PLUGIN = """
import os

class Plugin:
    made = 0

    def __init__(self):
        Plugin.made += 1

    def execute(self, target_backend, qasm_file_path, metadata, result_type):
        with open(qasm_file_path, encoding="utf-8") as file:
            text = file.read()
        os.remove(qasm_file_path)
        metadata["seen"] = metadata.get("seen", 0) + 1
        return {"backend": target_backend, "text": text, "metadata": metadata, "type": result_type, "made": Plugin.made}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "recording_plugin.py").write_text(RECORDING_PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "recording_plugin"
    sys.modules.pop("recording_plugin", None)


def request(**changes: object) -> bytes:
    head: Mapping[str, object] = {"backend": "tiny", "result_types": ["counts"], "metadata": "{}", **changes}
    return json.dumps(head).encode() + b"\nOPENQASM 2.0;\n\nqreg q[1];"


def test_the_plugin_is_made_once_and_called_once_for_each_result_type(module: str) -> None:
    program = PluginProgram(module)

    results = json.loads(program.run(request(result_types=["counts", "expval"])))

    assert results["counts"]["type"] == "counts"
    assert results["expval"]["type"] == "expval"
    assert results["expval"]["made"] == 1


def test_the_circuit_arrives_whole_in_a_file(module: str) -> None:
    results = json.loads(PluginProgram(module).run(request()))

    assert results["counts"]["text"] == "OPENQASM 2.0;\n\nqreg q[1];"


def test_what_a_plugin_does_to_its_file_and_metadata_is_not_seen_by_the_next_call(module: str) -> None:
    results = json.loads(PluginProgram(module).run(request(result_types=["counts", "expval"], metadata='{"a": 1}')))

    assert results["expval"]["metadata"] == {"a": 1, "seen": 1}


def test_numpy_values_become_plain_ones() -> None:
    value = {
        np.int64(3): np.float32(0.5),
        "array": np.array([1.0, 2.0]),
        "scalar array": np.array(0.25),
        "list": [np.int64(1), (2, np.bool_(1))],
    }

    assert plain(value) == {"3": 0.5, "array": [1.0, 2.0], "scalar array": 0.25, "list": [1, [2, True]]}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a", "b"}, "a value of type set"),
        (1j, "a value of type complex"),
        (np.array([1j]), "a value of type complex"),
        ([[[[[[1]]]]]], "nested deeper than 4 levels"),
        ({(1, 2): 3}, "a key of type list"),
        ({None: 3}, "a key of type NoneType"),
        ({1: 2, "1": 3}, "two keys that are the same as text"),
    ],
)
def test_what_json_can_not_say_is_refused(value: object, sentence: str) -> None:
    with pytest.raises(ExecutionError, match=sentence):
        plain(value)


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(ExecutionError, match="nested deeper"):
        plain(endless)
