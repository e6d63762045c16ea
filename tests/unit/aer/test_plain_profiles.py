"""Profiles made from the steps of a text: held against those of the circuit that Qiskit loads."""

import pytest

from plugins.aer.inspector import inspect, parse
from plugins.aer.plain_profiles import plain_profile
from plugins.aer.profiling import profile
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit
from tests.unit.aer.running import BELL, HEADER2
from tests.unit.aer.test_openqasm2_steps import NATIVE, random_text

PLAIN = [
    BELL,
    NATIVE,
    HEADER2 + "qreg q[3];\n",
    HEADER2 + "qreg q[2];\nbarrier q;\nbarrier q[0];\nh q[1];\nbarrier q;\ncx q[1],q[0];\n",
    HEADER2 + "qreg q[2];\ncreg c[1];\nh q;\nmeasure q[0] -> c[0];\nmeasure q[1] -> c[0];\nmeasure q[1] -> c[0];\n",
    HEADER2 + "qreg q[4];\nrz(pi/2) q[0];\nrx(-pi) q[1];\ncu1(pi) q[0],q[3];\nswap q[1],q[2];\n",
    HEADER2 + "qreg q[4];\nccx q[0],q[3],q[1];\nu3(0.1,0.2,0.3) q[2];\n",
]
OTHERS = [
    HEADER2 + "qreg q[1];\ncreg c[1];\nmeasure q -> c;\nh q[0];\n",
    HEADER2 + "qreg q[1];\nreset q[0];\n",
    HEADER2 + "qreg q[1];\ncreg c[1];\nif(c==1) x q[0];\n",
    HEADER2 + "gate mine a { x a; }\nqreg q[1];\nmine q[0];\n",
    HEADER2 + "creg c[1];\n",
    HEADER2 + "qreg q[1];\nrx(1e300*1e300) q[0];\n",
    HEADER2 + "qreg q[1];\nfoo q[0];\n",
]


@pytest.mark.parametrize("text", [*PLAIN, *(random_text(seed) for seed in range(200))])
def test_a_plain_text_has_the_profile_of_its_circuit(text: str) -> None:
    found = plain_profile(text)

    if found is None:  # a random text may hold a gate that has no call
        assert text not in PLAIN
    else:
        assert found == profile(parse(text.encode(), CircuitFormat.OPENQASM2))


@pytest.mark.parametrize("text", OTHERS)
def test_other_texts_are_left_to_the_loader(text: str) -> None:
    assert plain_profile(text) is None


def test_most_random_texts_are_plain() -> None:
    assert sum(plain_profile(random_text(seed)) is not None for seed in range(200)) > 100


def test_what_is_no_circuit_is_refused_in_the_loaders_words() -> None:
    with pytest.raises(InvalidCircuit, match="'foo' is not defined in this scope") as caught:
        inspect(OTHERS[-1].encode(), CircuitFormat.OPENQASM2)

    assert caught.value.line == 4
