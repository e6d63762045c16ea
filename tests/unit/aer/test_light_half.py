import subprocess
import sys

import jsonschema
import pytest
from qiskit import qpy

from plugins.aer.plugin import AerPlugin
from plugins.auto.plugin import AutoPlugin
from plugins.qsim.plugin import QsimPlugin
from qserver.json_types import JsonObject

ENGINES = ("qiskit", "qiskit_aer", "numpy", "scipy")


def test_importing_and_planning_loads_no_engine() -> None:
    program = f"""
import sys
from plugins.aer.plugin import AerPlugin
from qserver.circuits import CircuitProfile
from qserver.jobs import RunRequest
from qserver.plugins import Resources
from qserver.results import ResultType
profile = CircuitProfile(2, 2, 2, 2, {{}}, 1, True, True, False, False, False, 2, (), ())
plugin = AerPlugin()
plugin.backends()
plugin.plan(profile, RunRequest("aer", frozenset({{ResultType.COUNTS}})), Resources(2**30, 0, 2))
print(sorted(set(sys.modules) & {set(ENGINES)!r}))
"""

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert found.stdout.strip() == "[]"


def test_the_plugin_has_the_shape_that_services_expect() -> None:
    plugin = AerPlugin()

    assert plugin.name == "aer"
    assert [backend.name for backend in plugin.backends()] == [
        "aer",
        "aer_statevector",
        "aer_density_matrix",
        "aer_stabilizer",
        "aer_matrix_product_state",
    ]


def test_every_schema_is_a_valid_schema_in_which_every_option_is_described() -> None:
    for backend in AerPlugin().backends():
        jsonschema.Draft202012Validator.check_schema(backend.options_schema)

        properties = backend.options_schema["properties"]
        assert isinstance(properties, dict)
        assert all("description" in schema for schema in properties.values())


def test_the_versions_of_qpy_that_are_listed_are_those_that_the_installed_qiskit_reads() -> None:
    for plugin in (AerPlugin(), AutoPlugin(), QsimPlugin()):
        for backend in plugin.backends():
            assert backend.qpy_versions == tuple(range(13, qpy.QPY_VERSION + 1))


ACCEPTED: list[JsonObject] = [
    {},
    {"device": "CPU", "float_precision": "single"},
    {"noise_model": {"name": "depolarizing", "one_qubit_probability": 0.1}},
    {"noise_model": {"name": "thermal", "t1_us": 50, "t2_us": 70, "two_qubit_gate_ns": 300}},
    {"noise_model": {"name": "readout", "p1_given_0": 0.1, "p0_given_1": 0.2}},
    {
        "noise_model": {
            "errors": [{"type": "roerror", "operations": ["measure"], "probabilities": [[0.9, 0.1], [0, 1]]}]
        }
    },
]
REFUSED: list[JsonObject] = [
    {"device": "TPU"},
    {"shots": 5},
    {"float_precision": "half"},
    {"max_bond_dimension": 4},
    {"noise_model": {"name": "cosmic"}},
    {"noise_model": {"name": "depolarizing", "one_qubit_probability": 1.5}},
    {"noise_model": {"name": "depolarizing", "t1_us": 1}},
    {"noise_model": {"name": "thermal", "t1_us": 50}},
    {"noise_model": {"errors": [{"type": "terror", "probabilities": [1]}]}},
    {"noise_model": {}},
    {"noise_model": []},
]


@pytest.mark.parametrize("options", ACCEPTED)
def test_the_schema_accepts(options: JsonObject) -> None:
    jsonschema.validate(options, AerPlugin().backends()[0].options_schema)


@pytest.mark.parametrize("options", REFUSED)
def test_the_schema_refuses(options: JsonObject) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(options, AerPlugin().backends()[0].options_schema)


def test_the_matrix_product_state_takes_a_bond_dimension() -> None:
    schema = AerPlugin().backends()[-1].options_schema

    jsonschema.validate({"max_bond_dimension": 64, "truncation_threshold": 1e-8}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"max_bond_dimension": 0}, schema)
