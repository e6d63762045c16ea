"""A complete lock of an environment: every wheel with its hash, made from what pip resolved."""

from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from plugins.file_plugin.names import is_version, normalized
from plugins.file_plugin.pip_process import PipFailed


class _ArchiveInfo(BaseModel):
    hashes: dict[str, str]


class _DownloadInfo(BaseModel):
    url: str
    archive_info: _ArchiveInfo


class _Metadata(BaseModel):
    name: str
    version: str


class _Item(BaseModel):
    download_info: _DownloadInfo
    metadata: _Metadata


class _Report(BaseModel):
    """The parts that matter of pip's installation report, version 1."""

    install: list[_Item]


def lock_of(report: str) -> str:
    """Turn pip's report into requirements with hashes, sorted by name.

    Raises PipFailed where something in it is no wheel with a SHA-256.
    """
    try:
        items = _Report.model_validate_json(report).install
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        raise PipFailed(f"pip's report can't be read: {fault['msg']}") from error
    return "\n".join(sorted(_lines(items))) + "\n"


def _lines(items: Sequence[_Item]) -> Sequence[str]:
    return [_line(item) for item in items]


def _line(item: _Item) -> str:
    name, version = normalized(item.metadata.name), item.metadata.version
    sha256 = item.download_info.archive_info.hashes.get("sha256")
    if not item.download_info.url.endswith(".whl") or not is_version(version):
        raise PipFailed(f"{name} {version} is no wheel")
    if sha256 is None:
        raise PipFailed(f"{name} {version} has no SHA-256 in the package index")
    return f"{name}=={version} --hash=sha256:{sha256}"
