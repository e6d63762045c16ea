"""Results as pictures and tables, where Matplotlib and pandas are installed (the extra `plot`)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qserver.client.packages import load
from qserver.errors import InvalidRequest

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

_MOST_BARS = 64
_INCHES_A_BAR = 0.45


def figure_of(shares: Mapping[str, float], *, what: str) -> "Figure":
    """Draw one bar an outcome, in the order of the bitstrings; of more than 64 the most frequent.

    `what` names the vertical axis. The figure belongs to no window: show it in a notebook, or `savefig` it. Raises
    MissingPackage without Matplotlib, InvalidRequest where there is nothing to draw.
    """
    if not shares:
        raise InvalidRequest(f"there are no {what} to draw")
    figure_class = load("matplotlib.figure", extra="plot", what="pictures").Figure
    shown = dict(sorted(sorted(shares.items(), key=lambda row: -row[1])[:_MOST_BARS]))
    figure: Figure = figure_class(figsize=(max(4.0, 1.5 + _INCHES_A_BAR * len(shown)), 4.0), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(shown)), list(shown.values()), color="#4269d0")
    axes.set_xticks(range(len(shown)), list(shown), rotation=90 if max(map(len, shown)) > 3 else 0)  # noqa: PLR2004
    axes.set_ylabel(what)
    if len(shown) < len(shares):
        axes.set_title(f"{len(shown)} most frequent of {len(shares):,} outcomes", fontsize="medium")
    return figure


def table_of(columns: Mapping[str, object]) -> "DataFrame":
    """Give a DataFrame of columns. Raises MissingPackage without pandas."""
    table: DataFrame = load("pandas", extra="plot", what="tables").DataFrame(columns)
    return table
