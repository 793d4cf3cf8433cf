"""Numbers as TF Serving writes them in JSON.

Six digits (`printf`'s `%g`), all of them (9, or 17 for float64) where six do not read back as the
same number, and `.0` after whole ones; `NaN`, `Infinity` and `-Infinity`. Which numbers six digits
are enough for is found for thousands at once, by arithmetic that is exact; only numbers beyond its
range are tried one by one.
"""

import math
import struct

import numpy as np

_EXACT_POWERS = 22
"""Powers of ten up to this one are exact in float64."""
_FEW = 16
"""Below so many numbers, trying each is faster."""
_AT_ONCE = 4096
"""A few milliseconds' work, in which no other thread can do anything."""
_ALL_DIGITS = {4: 9, 8: 17}
"""By the bytes of a number."""
_FORMS = {
    digits: np.array([f"%.{digits}g", "%g", f"%.{digits}g.0", "%g.0"])
    for digits in _ALL_DIGITS.values()
}
"""By digits: for a number that needs them, one that six are enough for, and whole ones of each."""
_FLOAT32 = struct.Struct("f")


def decimals(values: np.ndarray) -> list[str]:
    """Writes each number of a float32 or float64 array, in order."""
    flat, texts = values.ravel(), []
    for start in range(0, flat.size, _AT_ONCE):
        texts += _written(flat[start : start + _AT_ONCE])
    return texts


def _written(flat: np.ndarray) -> list[str]:
    digits = _ALL_DIGITS[flat.dtype.itemsize]
    numbers = flat.tolist()
    if len(numbers) < _FEW:
        return [_one(number, digits) for number in numbers]
    with np.errstate(all="ignore"):
        wide = flat.astype(np.float64)
        is_short, is_certain = _short(flat, wide)
        below = np.where(is_short, 1e6, 10.0**digits)  # larger ones are written with an exponent
        is_whole = (np.trunc(wide) == wide) & (np.abs(wide) < below)
    forms = _FORMS[digits][is_short + 2 * is_whole].tolist()
    texts = (" ".join(forms) % tuple(numbers)).split(" ")
    for place in np.flatnonzero(~is_certain).tolist():
        texts[place] = _one(numbers[place], digits)
    return texts


def _one(number: float, digits: int) -> str:
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    text = f"{number:g}"
    read = float(text)
    if digits == 9:
        (read,) = _FLOAT32.unpack(_FLOAT32.pack(read))
    if read != number:
        text = f"{number:.{digits}g}"
    return text if "." in text or "e" in text else text + ".0"


def _short(flat: np.ndarray, wide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tells of each number whether its six-digit form reads back as itself, and if that is sure."""
    size = np.abs(wide)
    power = 5 - np.floor(np.log10(np.where(size > 0, size, 1)))  # to six whole digits
    scale = 10.0 ** np.abs(power)
    six = np.rint(np.where(power >= 0, wide * scale, wide / scale))
    rounded = np.where(power >= 0, six / scale, six * scale)
    is_certain = (np.abs(power) <= _EXACT_POWERS) & np.isfinite(wide)
    return rounded.astype(flat.dtype) == flat, is_certain
