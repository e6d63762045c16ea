"""Counts as a histogram of text."""

from collections.abc import Mapping

BAR_WIDTH = 40
MOST_ROWS = 16


def histogram(counts: Mapping[str, int]) -> str:
    """Draw one row an outcome, most frequent first; what passes 16 rows is summed up in the last.

    Bars are in proportion to the most frequent outcome, 40 characters wide at most.
    """
    if not counts:
        return "(no outcomes)"
    shots = sum(counts.values())
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    highest = rows[0][1]
    lines = [
        f"  {bits}  {'█' * max(1, round(BAR_WIDTH * count / highest)):<{BAR_WIDTH}} {count:>7} {count / shots:7.2%}"
        for bits, count in rows[:MOST_ROWS]
    ]
    if rest := rows[MOST_ROWS:]:
        lines.append(f"  ... and {len(rest)} other outcomes, {sum(count for _, count in rest)} shots together")
    return "\n".join(lines)
