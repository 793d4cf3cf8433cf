"""The coverage table: what Keras' own export and ours made of each case."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

SIDES = ("keras", "ours")
TOTALS = (
    "| group | cases | right: Keras' own | right: ours | with a loop | faster by (median) |\n"
    "|---|---|---|---|---|---|"
)
CASES = (
    "| case | Keras' own | ours | loops | transposes | milliseconds | bytes |\n"
    "|---|---|---|---|---|---|---|"
)
FIGURES = {"loops": "{}", "transposes": "{}", "milliseconds": "{:.3f}", "bytes": "{:,}"}

Found = Mapping[str, Any]


def table(found: Sequence[Found]) -> str:
    """Returns totals by group, every case as a line of a Markdown table, and what Keras cannot run.

    Where a cell holds two figures, the first is of Keras' own export.
    """
    computed = [one for one in found if "unable" not in one]
    groups = list(dict.fromkeys(one["group"] for one in computed))
    totals = [_total(group, [one for one in computed if one["group"] == group]) for group in groups]
    parts = [
        "\n".join([TOTALS, *totals, _total("all", computed)]),
        "Where a cell holds two figures, the first is of Keras' own export.",
        "\n".join([CASES, *(_row(one) for one in computed)]),
    ]
    unable = [one for one in found if "unable" in one]
    if unable:
        parts.append("Not compared, for Keras itself does not compute them here:")
        parts.append("\n".join(f"* {_name(one)}: {_first_line(one['unable'])}" for one in unable))
    return "\n\n".join(parts)


def is_well(one: Found) -> bool:
    """Tells whether our file is valid and right, with a loop only where there is no operator."""
    if "unable" in one or "ours" not in one:
        return True
    ours = one["ours"]
    return ours["outcome"] == "right" and (not ours["loops"] or one["loops"])


def _total(group: str, found: Sequence[Found]) -> str:
    right = [sum(_is_right(one, side) for one in found) for side in SIDES]
    looped = [sum(bool(one.get(side, {}).get("loops")) for one in found) for side in SIDES]
    ratios = [_ratio(one) for one in found if _ratio(one)]
    faster = f"{statistics.median(ratios):.2f} of {len(ratios)}" if ratios else ""
    return f"| {group} | {len(found)} | {right[0]} | {right[1]} | {_pair(*looped)} | {faster} |"


def _is_right(one: Found, side: str) -> bool:
    return one.get(side, {}).get("outcome") == "right"


def _ratio(one: Found) -> float:
    """How many times Keras' own takes as long, where both are right; else 0."""
    if not all(_is_right(one, side) and one[side].get("milliseconds") for side in SIDES):
        return 0.0
    return float(one["keras"]["milliseconds"] / one["ours"]["milliseconds"])


def _row(one: Found) -> str:
    cells = [_outcome(one, side) for side in SIDES]
    for figure, shown in FIGURES.items():
        cells.append(_pair(*(_figure(one.get(side, {}).get(figure), shown) for side in SIDES)))
    return f"| {_name(one)} | {' | '.join(cells)} |"


def _figure(number: float | None, shown: str) -> str:
    return "–" if number is None else shown.format(number)


def _outcome(one: Found, side: str) -> str:
    if side not in one:
        return "–"
    outcome = str(one[side]["outcome"])
    if outcome != "right":
        return f"**{outcome}**: {_first_line(one[side].get('why') or 'by more than is let pass')}"
    is_needed = side == "ours" and one[side].get("loops") and one["loops"]
    return "right; no such operator" if is_needed else outcome


def _pair(first: object, second: object) -> str:
    return f"{first} · {second}"


def _name(one: Found) -> str:
    return f"{one['group']}/{one['name']}"


def _first_line(text: str) -> str:
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line.replace("|", "/")[:110]
