"""What bad submissions get: a sentence naming the thing and the limit, through every door; nothing stays behind."""

import re

import pytest

from tests.acceptance.bad_input.circuits import BAD_CIRCUITS, BAD_QPY
from tests.acceptance.bad_input.condition import unharmed
from tests.acceptance.bad_input.requests import BAD_REQUESTS
from tests.acceptance.bad_input.trials import BELL, Bad
from tests.acceptance.deployment import Deployment
from tests.acceptance.doors import DOORS, Attempt

KINDS = {"Circuits": BAD_CIRCUITS, "QPY": BAD_QPY, "Requests": BAD_REQUESTS}
TRIED = [bad.as_tried(kind) for kind, table in KINDS.items() for bad in table]
CASES = [
    pytest.param(bad, door, id=f"{bad.name} by {door}")
    for table in KINDS.values()
    for bad in table
    for door in bad.doors
]
EXPECTED_STATUS = re.compile(r"INVALID_ARGUMENT|400|413|422|RESOURCE_EXHAUSTED")
INNARDS = re.compile(r"Traceback|site-packages|\.py\b|root:|psycopg|sqlalchemy", re.IGNORECASE)


@pytest.mark.parametrize(("bad", "door"), CASES)
def test_bad_input_is_refused_with_a_sentence_and_leaves_nothing(deployment: Deployment, bad: Bad, door: str) -> None:
    with unharmed(deployment):
        answer = DOORS[door](deployment, bad.attempt)

    assert answer.job_id is None
    assert EXPECTED_STATUS.fullmatch(answer.status), answer
    assert re.search(bad.sentence, answer.sentence, re.IGNORECASE), answer.sentence
    assert not INNARDS.search(answer.sentence)


@pytest.mark.parametrize("door", DOORS)
def test_the_same_door_takes_a_good_circuit(deployment: Deployment, door: str) -> None:
    answer = DOORS[door](deployment, Attempt(BELL))

    assert answer.job_id is not None, answer
