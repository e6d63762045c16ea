import json

import pytest

from plugins.file_plugin.lock import lock_of
from plugins.file_plugin.pip_process import PipFailed


def item(name: str, *, url: str = "https://index/x.whl", version: str = "1.0", sha256: str | None = "ab") -> object:
    hashes = {} if sha256 is None else {"sha256": sha256}
    return {
        "metadata": {"name": name, "version": version},
        "download_info": {"url": url, "archive_info": {"hashes": hashes}},
    }


def report(*items: object) -> str:
    return json.dumps({"version": "1", "install": items})


def test_every_wheel_is_listed_with_version_and_hash() -> None:
    lock = lock_of(report(item("Zeta"), item("alpha_beta", version="2.0", sha256="cd")))

    assert lock == "alpha-beta==2.0 --hash=sha256:cd\nzeta==1.0 --hash=sha256:ab\n"


@pytest.mark.parametrize(
    ("bad_item", "sentence"),
    [
        (item("x", url="https://index/x.tar.gz"), "x 1.0 is no wheel"),
        (item("x", sha256=None), "x 1.0 has no SHA-256"),
        (item("x", version="1.0 --hash=sha256:00"), "is no wheel"),
        ({"metadata": {"name": "x"}}, "pip's report can't be read: Field required"),
    ],
)
def test_what_can_not_be_locked_is_refused(bad_item: object, sentence: str) -> None:
    with pytest.raises(PipFailed, match=sentence):
        lock_of(report(bad_item))


def test_a_report_that_is_no_json_is_refused() -> None:
    with pytest.raises(PipFailed, match="pip's report can't be read"):
        lock_of("half a rep")
