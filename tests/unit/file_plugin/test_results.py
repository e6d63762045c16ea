import json

import pytest

from plugins.file_plugin.results import read_result
from qserver.errors import ExecutionError, Reason
from qserver.results import PubResult, ResultType, RunRecord

RUN = RunRecord(
    backend="tiny",
    method="plugin",
    device="CPU",
    float_precision="double",
    shots=10,
    seed=None,
    threads=1,
    reason="test",
    plugin="tiny-plugin",
    plugin_version="1.0",
    engine="tiny-plugin",
    engine_version="1.0",
)


def read(result_type: ResultType, value: object) -> PubResult:
    reply = json.dumps({str(result_type): value}).encode()
    return read_result(reply, wanted=frozenset({result_type}), run=RUN)


def test_a_result_of_every_type_is_taken_as_it_is() -> None:
    reply = b'{"counts": {"00": 4, "11": 6.0}, "quasi_dist": {"0": 0.4, "3": 0.6}, "expval": [1, -0.5]}'

    result = read_result(reply, wanted=frozenset(ResultType) - {"memory", "probabilities", "statevector"}, run=RUN)

    assert result.counts == {"00": 4, "11": 6}
    assert result.quasi_dist == {"0": 0.4, "3": 0.6}
    assert result.expval == (1.0, -0.5)


def test_a_type_that_was_not_asked_for_is_left_out() -> None:
    result = read_result(b'{"counts": {"0": 1}, "expval": "junk"}', wanted=frozenset({ResultType.COUNTS}), run=RUN)

    assert result.expval is None


def test_an_array_of_one_is_its_number() -> None:
    assert read(ResultType.EXPVAL, [[0.25], [[0.5]]]).expval == (0.25, 0.5)


def test_a_quasi_distribution_may_have_negative_parts() -> None:
    assert read(ResultType.QUASI_DIST, {"0": 1.1, "1": -0.1}).quasi_dist == {"0": 1.1, "1": -0.1}


@pytest.mark.parametrize(
    ("result_type", "value", "sentence"),
    [
        (ResultType.COUNTS, None, "counts are no dict"),
        (ResultType.COUNTS, {}, "counts are no dict"),
        (ResultType.COUNTS, [1, 2], "counts are no dict"),
        (ResultType.COUNTS, {"0": -1}, "counts of '0' are -1, no number of shots"),
        (ResultType.COUNTS, {"0": 0.5}, "counts of '0' are 0.5"),
        (ResultType.COUNTS, {"0": True}, "counts hold bool"),
        (ResultType.COUNTS, {"0": "many"}, "counts hold str"),
        (ResultType.COUNTS, {"0": float("nan")}, "not finite"),
        (ResultType.COUNTS, {"0": 10**400}, "not finite"),
        (ResultType.COUNTS, {"": 1}, "key of impossible length"),
        (ResultType.COUNTS, {"0" * 10_001: 1}, "key of impossible length; the limit is 10,000"),
        (ResultType.QUASI_DIST, {"00": 1.0}, "key '00' that is no whole number"),
        (ResultType.QUASI_DIST, {"0x1": 1.0}, "no whole number"),
        (ResultType.QUASI_DIST, {"-1": 1.0}, "no whole number"),
        (ResultType.QUASI_DIST, {"9" * 9000: 0.5}, "sums to 0.5 and not to 1"),
        (ResultType.QUASI_DIST, {"0": float("inf")}, "not finite"),
        (ResultType.EXPVAL, {}, "no list of numbers"),
        (ResultType.EXPVAL, [], "no list of numbers"),
        (ResultType.EXPVAL, [[1, 2]], "expval hold list"),
        (ResultType.EXPVAL, [None], "expval hold NoneType"),
    ],
)
def test_nonsense_is_a_plugin_error_that_names_the_result_type(
    result_type: ResultType, value: object, sentence: str
) -> None:
    with pytest.raises(ExecutionError, match=sentence) as caught:
        read(result_type, value)

    assert caught.value.reason is Reason.PLUGIN_ERROR


@pytest.mark.parametrize("reply", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_a_reply_of_another_shape_is_refused(reply: bytes) -> None:
    with pytest.raises(ExecutionError, match="the plugin's reply"):
        read_result(reply, wanted=frozenset({ResultType.COUNTS}), run=RUN)
