import platform

import pytest

from plugins.file_plugin.pip_output import is_index_silent, sentence_of


def test_a_missing_wheel_is_said_with_python_and_machine() -> None:
    output = "ERROR: Could not find a version (from versions: 0.1)\nERROR: No matching distribution found for aer==9\n"

    sentence = sentence_of(output)

    python = ".".join(platform.python_version_tuple()[:2])
    assert sentence.startswith(f"no wheel of aer==9 fits Python {python} on {platform.system()}")


def test_the_last_error_is_the_sentence() -> None:
    assert sentence_of("ERROR: first\nWARNING: noise\nERROR: second\nmore\n") == "second"


def test_what_clashes_is_said_rather_than_where_to_read_about_it() -> None:
    output = (
        "ERROR: Cannot install a and b because they conflict.\nERROR: ResolutionImpossible: for help visit https://x"
    )

    assert sentence_of(output) == "Cannot install a and b because they conflict."


@pytest.mark.parametrize(("output", "sentence"), [("", "pip said nothing"), ("Killed\n", "Killed")])
def test_an_end_without_an_error_has_a_sentence_too(output: str, sentence: str) -> None:
    assert sentence_of(output) == sentence


def test_credentials_of_an_index_are_never_repeated() -> None:
    sentence = sentence_of("ERROR: 403 for https://user:secret@index.example/simple and http://token@other/x")

    assert sentence == "403 for https://index.example/simple and http://other/x"


def test_a_long_sentence_is_cut() -> None:
    assert len(sentence_of("ERROR: " + "x" * 10_000)) == 500


def test_a_silent_index_is_told_from_one_without_the_package() -> None:
    missing = "ERROR: Could not find a version that satisfies the requirement x (from versions: none)\n"

    assert not is_index_silent(missing)
    assert is_index_silent("WARNING: Retrying (Retry(total=4)) after connection broken\n" + missing)
