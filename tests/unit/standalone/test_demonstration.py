from pathlib import Path

import httpx
import pytest

from qserver.errors import InvalidRequest
from standalone.demonstration import Demonstration, Example, expectation, own_example, probabilities


@pytest.mark.parametrize(
    ("source", "paulis"),
    [
        ('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg a[2];\nqreg b[1];', ("ZZZ",)),
        ("OPENQASM 3.0;\nqubit[4] q;\nqubit one;", ("ZZZZZ",)),
        ("OPENQASM 3.0;\n// qubit[9] comment;\nqubit[2] q;", ("ZZ",)),
        ("OPENQASM 3.0;\n/* was:\nqubit[5] old; */\nqubit[2] q;", ("ZZ",)),
        ("OPENQASM 3.0;\nconst int n = 3;\nqubit[n] q;", ()),
    ],
)
def test_the_parity_of_all_declared_qubits_is_asked_for(tmp_path: Path, source: str, paulis: tuple[str, ...]) -> None:
    path = tmp_path / "circuit.qasm"
    path.write_text(source)

    example = own_example(path)

    assert example.paulis == paulis


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"can't read the circuit .*absent\.qasm: No such file"):
        own_example(tmp_path / "absent.qasm")


def test_outcomes_that_are_not_shown_are_hinted_at() -> None:
    assert probabilities({"0": 0.25, "3": 0.75}) == "3: 0.7500, 0: 0.2500"
    assert probabilities({str(outcome): 0.1 for outcome in range(10)}).endswith("7: 0.1000, ...")


@pytest.mark.parametrize(("value", "written"), [(1.0, "+1.000000"), (-0.5, "-0.500000"), (-1e-9, "+0.000000")])
def test_an_expectation_value_of_zero_has_no_sign_of_its_own(value: float, written: str) -> None:
    assert expectation(value) == written


def test_a_result_that_cannot_be_read_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> bool:
        raise httpx.ConnectError("nobody listens")

    with Demonstration(grpc_port=1, http_port=1) as demonstration:
        monkeypatch.setattr(demonstration, "_run", fail)

        assert not demonstration.run((Example("Bell", b"", ()),), shots=1)

    assert capsys.readouterr().out == "  the result can't be read: nobody listens\n"
