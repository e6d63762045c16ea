"""How jobs and results show themselves in a notebook: HTML without scripts, readable on light and dark pages."""

from collections.abc import Mapping, Sequence
from html import escape

from qserver.client.job_info import JobInfo
from qserver.jobs import JobStatus

_MOST_BARS = 16
_WIDTH_EM = 20
_BAR = "background:#4269d0;height:0.8em;display:inline-block"
_MOVING_BAR = "<progress></progress>"  # without a value browsers move it to and fro
_COLOURS: Mapping[JobStatus, str] = {
    JobStatus.PENDING: "#b08800",
    JobStatus.RUNNING: "#0969da",
    JobStatus.FINISHED: "#1a7f37",
    JobStatus.FAILED: "#cf222e",
    JobStatus.CANCELED: "#8250df",
}


def job_html(info: JobInfo, result_html: str = "") -> str:
    """Show where a job is, and its result where it has one."""
    why = f": {escape(info.message)}" if info.message else ""
    ran = ""
    if info.started_at and info.finished_at:
        ran = f", ran {(info.finished_at - info.started_at).total_seconds():.2f} s"
    return (
        f"<div><code>{escape(info.id)}</code> on {escape(info.backend)} "
        f'<b style="color:{_COLOURS[info.status]}">{info.status}</b>{ran}{why}</div>'
        f"{'' if info.status.is_final else _MOVING_BAR}{result_html}"
    )


def asked_job_html(job_id: str) -> str:
    """Show a job of which nothing is known yet."""
    return f"<div><code>{escape(job_id)}</code></div>{_MOVING_BAR}"


def lost_job_html(job_id: str, sentence: str) -> str:
    """Say why nothing more is shown of a job."""
    return f"<div><code>{escape(job_id)}</code> is no longer followed: {escape(sentence)}</div>"


def result_html(heading: str, shares: Mapping[str, float], values: Sequence[tuple[float, float]]) -> str:
    """Show outcomes as bars, most frequent first, and expectation values with their standard errors."""
    rows = [(f"⟨{position}⟩", f"{value:+.6f} ± {error:.2g}") for position, (value, error) in enumerate(values)]
    bars = _bars(shares) if shares else ""
    return f"<div>{escape(heading)}</div>{bars}{_table(rows) if rows else ''}"


def _bars(shares: Mapping[str, float]) -> str:
    rows = sorted(shares.items(), key=lambda row: (-row[1], row[0]))
    highest = rows[0][1]
    shown = [(f"<code>{escape(outcome)}</code>", _bar(share, highest)) for outcome, share in rows[:_MOST_BARS]]
    more = f"<div>and {len(rows) - _MOST_BARS:,} other outcomes</div>" if len(rows) > _MOST_BARS else ""
    return _table(shown) + more


def _bar(share: float, highest: float) -> str:
    return f'<span style="{_BAR};width:{_WIDTH_EM * share / highest:.2f}em"></span> {share:,.6g}'


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f'<tr><td>{name}</td><td style="text-align:left">{value}</td></tr>' for name, value in rows)
    return f"<table>{cells}</table>"
