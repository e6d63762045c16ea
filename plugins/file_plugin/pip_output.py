"""What pip prints when it fails, as one sentence for people."""

import platform
import re

MAX_SENTENCE_LENGTH = 500
_ERROR = re.compile(r"^ERROR: (.*)$", re.MULTILINE)
_NO_MATCH = re.compile(r"No matching distribution found for (\S+)")
_USER_INFO = re.compile(r"://[^/\s@]*@")
_POINTER = "ResolutionImpossible"  # the sentence before it says what clashes, this one only where to read on


def sentence_of(output: str) -> str:
    """Give pip's last error, cut to a sane length, without credentials of package indexes."""
    errors = [error for error in _ERROR.findall(output) if not error.startswith(_POINTER)]
    last = errors[-1] if errors else next(iter(reversed(output.strip().splitlines())), "pip said nothing")
    missing = _NO_MATCH.search(last)
    return without_credentials(_missing(missing.group(1)) if missing else last)[:MAX_SENTENCE_LENGTH]


def without_credentials(text: str) -> str:
    """Take `user:password@` out of every URL."""
    return _USER_INFO.sub("://", text)


def is_index_silent(output: str) -> bool:
    """Tell whether pip found nothing because no package index answered."""
    return "Retrying (" in output and "from versions: none" in output


def is_missing(output: str) -> bool:
    """Tell whether the package index has nothing that fits."""
    return _NO_MATCH.search(output) is not None


def _missing(requirement: str) -> str:
    python = ".".join(platform.python_version_tuple()[:2])
    machine = f"{platform.system()} {platform.machine()}"
    return f"no wheel of {requirement} fits Python {python} on {machine} (or the package index has none)"
