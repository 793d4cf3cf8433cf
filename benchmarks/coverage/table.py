"""The coverage table: what Keras' own export and ours made of each case."""

from collections.abc import Mapping, Sequence
from typing import Any

SIDES = {"keras": "Keras", "ours": "ours"}
HEAD = (
    "| case | | valid and right | loops | transposes | ms in ONNX Runtime | kB |\n"
    "|---|---|---|---|---|---|---|"
)

Found = Mapping[str, Any]


def table(found: Sequence[Found]) -> str:
    """Returns totals, every case as two lines of a Markdown table, and what Keras cannot run."""
    computed = [one for one in found if "unable" not in one]
    rows = [_row(one, side) for one in computed for side in SIDES if side in one]
    unable = [f"* {one['group']}/{one['name']}: {_first_line(one['unable'])}" for one in found
              if "unable" in one]  # fmt: skip
    parts = [_totals(computed), "\n".join([HEAD, *rows])]
    if unable:
        parts.append("Not compared, for Keras itself does not compute them here:\n\n")
        parts[-1] += "\n".join(unable)
    return "\n\n".join(parts)


def is_well(one: Found) -> bool:
    """Tells whether our file is valid and right, with a loop only where there is no operator."""
    if "unable" in one or "ours" not in one:
        return True
    ours = one["ours"]
    return ours["outcome"] == "right" and (not ours["loops"] or one["loops"])


def _totals(found: Sequence[Found]) -> str:
    lines = [f"{len(found)} cases."]
    for side, name in SIDES.items():
        own = [one[side] for one in found if side in one]
        right = sum(one["outcome"] == "right" for one in own)
        looped = sum(bool(one.get("loops")) for one in own)
        lines.append(f"{name}: {right} of {len(own)} valid and right, {looped} with loops.")
    both = [one for one in found if all(_milliseconds(one, side) for side in SIDES)]
    if both:
        ratios = sorted(_milliseconds(one, "keras") / _milliseconds(one, "ours") for one in both)
        lines.append(
            f"Where both run, ours is {ratios[len(ratios) // 2]:.2f} times as fast in the median, "
            f"{ratios[0]:.2f} to {ratios[-1]:.2f} times."
        )
    return " ".join(lines)


def _milliseconds(one: Found, side: str) -> float:
    return float(one.get(side, {}).get("milliseconds") or 0.0)


def _row(one: Found, side: str) -> str:
    result = one[side]
    outcome = result["outcome"]
    if outcome != "right":
        outcome = f"**{outcome}**: {_first_line(result.get('why') or 'by more than is let pass')}"
    if side == "ours" and result.get("loops") and one["loops"]:
        outcome += " (no such operator)"
    numbers = ["", "", "", ""]
    if "loops" in result:
        time = f"{result['milliseconds']:.3f}" if "milliseconds" in result else ""
        size = f"{result['bytes'] / 1000:.1f}"
        numbers = [str(result["loops"]), str(result["transposes"]), time, size]
    return f"| {one['group']}/{one['name']} | {SIDES[side]} | {outcome} | {' | '.join(numbers)} |"


def _first_line(text: str) -> str:
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line.replace("|", "/")[:110]
