"""The modified Bessel function of order zero, I0, which ONNX has not.

TensorFlow computes it by Cephes' Chebyshev series, one up to 8 and one from there on. The same
ones are written here as polynomials of the same argument, without the terms that the type of
the numbers does not show.

Source: Moshier, Cephes: i0.c; Eigen: BesselFunctionsImpl.h, generic_i0e.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.polynomial import chebyshev

from export.lowering.marks import Marks, Replacement

FAR = 8.0
"""From which number on the second series is used."""
NEAR = (
    -4.41534164647933937950e-18, 3.33079451882223809783e-17, -2.43127984654795469359e-16,
    1.71539128555513303061e-15, -1.16853328779934516808e-14, 7.67618549860493561688e-14,
    -4.85644678311192946090e-13, 2.95505266312963983461e-12, -1.72682629144155570723e-11,
    9.67580903537323691224e-11, -5.18979560163526290666e-10, 2.65982372468238665035e-9,
    -1.30002500998624804212e-8, 6.04699502254191894932e-8, -2.67079385394061173391e-7,
    1.11738753912010371815e-6, -4.41673835845875056359e-6, 1.64484480707288970893e-5,
    -5.75419501008210370398e-5, 1.88502885095841655729e-4, -5.76375574538582365885e-4,
    1.63947561694133579842e-3, -4.32430999505057594430e-3, 1.05464603945949983183e-2,
    -2.37374148058994688156e-2, 4.93052842396707084878e-2, -9.49010970480476444210e-2,
    1.71620901522208775349e-1, -3.04682672343198398683e-1, 6.76795274409476084995e-1,
)  # fmt: skip
"""Of exp(-x) I0(x), by x / 4 - 1; the highest term first."""
FROM_FAR = (
    -7.23318048787475395456e-18, -4.83050448594418207126e-18, 4.46562142029675999901e-17,
    3.46122286769746109310e-17, -2.82762398051658348494e-16, -3.42548561967721913462e-16,
    1.77256013305652638360e-15, 3.81168066935262242075e-15, -9.55484669882830764870e-15,
    -4.15056934728722208663e-14, 1.54008621752140982691e-14, 3.85277838274214270114e-13,
    7.18012445138366623367e-13, -1.79417853150680611778e-12, -1.32158118404477131188e-11,
    -3.14991652796324136454e-11, 1.18891471078464383424e-11, 4.94060238822496958910e-10,
    3.39623202570838634515e-9, 2.26666899049817806459e-8, 2.04891858946906374183e-7,
    2.89137052083475648297e-6, 6.88975834691682398426e-5, 3.36911647825569408990e-3,
    8.04490411014108831608e-1,
)  # fmt: skip
"""Of exp(-x) sqrt(x) I0(x), by 16 / x - 1; the highest term first."""


def _bessel_i0(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def bessel_i0(x: Any, name: Any = None) -> Any:
        given = tf.convert_to_tensor(x)
        x = tf.abs(given if given.dtype == tf.float64 else tf.cast(given, tf.float32))
        near = _series(NEAR, x / 4 - 1)
        far = _series(FROM_FAR, 16 / x - 1) / tf.sqrt(x)
        return tf.cast(tf.exp(x) * tf.where(x <= FAR, near, far), given.dtype)

    return bessel_i0


def _series(terms: Sequence[float], x: tf.Tensor) -> tf.Tensor:
    """A sum of Chebyshev polynomials, the first one halved, by Horner's rule."""
    rising = np.asarray(terms[::-1])
    rising[0] /= 2
    smallest = np.finfo(x.dtype.as_numpy_dtype).eps / 100
    shown = rising[: np.flatnonzero(np.abs(rising) > smallest)[-1] + 1]
    powers = [tf.constant(one, x.dtype) for one in chebyshev.cheb2poly(shown)[::-1]]
    found: tf.Tensor = tf.math.polyval(powers, x)
    return found


REPLACEMENTS = (Replacement(tf.math, "bessel_i0", _bessel_i0),)
