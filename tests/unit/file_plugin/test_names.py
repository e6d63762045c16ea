import pytest

from plugins.file_plugin.names import check_distribution, import_name
from qserver.errors import InvalidRequest


@pytest.mark.parametrize("name", ["aer-plugin", "x", "plugin2", "a-b-c", "a" * 100])
def test_normalised_names_are_accepted(name: str) -> None:
    check_distribution(name)


@pytest.mark.parametrize("name", ["Aer-Plugin", "aer_plugin", "aer.plugin", "aer--plugin"])
def test_another_way_of_writing_a_name_is_corrected(name: str) -> None:
    with pytest.raises(InvalidRequest, match="must be written 'aer-plugin'"):
        check_distribution(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-r",
        "--index-url=x",
        "../x",
        "/etc",
        "a b",
        "x==1",
        "x[y]",
        "x;y",
        "x\n",
        "x\x00",
        "é",
        "a@b",
        "-",
        "x-",
    ],
)
def test_what_pip_could_take_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="no name of a distribution"):
        check_distribution(name)


def test_a_long_name_is_refused_with_the_limit() -> None:
    with pytest.raises(InvalidRequest, match="has 101 characters; the limit is 100"):
        check_distribution("a" * 101)


def test_a_module_is_named_with_underscores() -> None:
    assert import_name("my-own-plugin") == "my_own_plugin"
