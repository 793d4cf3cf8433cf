"""The inverse of the normal distribution's function, and of the error function, which is the same.

TensorFlow computes both by Cephes' rational functions, one for the middle and two for the tails.
The same ones are written here, so that an argument which rounds to the end of the range becomes
an infinity in both.

Source: Moshier, Cephes: ndtri.c; Eigen: SpecialFunctionsImpl.h, generic_ndtri.
"""

import math
from collections.abc import Sequence

from export.lowering.marks import Context, InPlace, Node

Rational = tuple[Sequence[float], Sequence[float]]
"""Coefficients of numerator and denominator, the highest power first."""

MIDDLE: Rational = (
    (-5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1,
     1.39312609387279679503e1, -1.23916583867381258016e0),
    (1.0, 1.95448858338141759834e0, 4.67627912898881538453e0, 8.63602421390890590575e1,
     -2.25462687854119370527e2, 2.00260212380060660359e2, -8.20372256168333339912e1,
     1.59056225126211695515e1, -1.18331621121330003142e0),
)  # fmt: skip
NEAR_TAIL: Rational = (
    (4.05544892305962419923e0, 3.15251094599893866154e1, 5.71628192246421288162e1,
     4.40805073893200834700e1, 1.46849561928858024014e1, 2.18663306850790267539e0,
     -1.40256079171354495875e-1, -3.50424626827848203418e-2, -8.57456785154685413611e-4),
    (1.0, 1.57799883256466749731e1, 4.53907635128879210584e1, 4.13172038254672030440e1,
     1.50425385692907503408e1, 2.50464946208309415979e0, -1.42182922854787788574e-1,
     -3.80806407691578277194e-2, -9.33259480895457427372e-4),
)  # fmt: skip
FAR_TAIL: Rational = (
    (3.23774891776946035970e0, 6.91522889068984211695e0, 3.93881025292474443415e0,
     1.33303460815807542389e0, 2.01485389549179081538e-1, 1.23716634817820021358e-2,
     3.01581553508235416007e-4, 2.65806974686737550832e-6, 6.23974539184983293730e-9),
    (1.0, 6.02427039364742014255e0, 3.67983563856160859403e0, 1.37702099489081330271e0,
     2.16236993594496635890e-1, 1.34204006088543189037e-2, 3.28014464682127739104e-4,
     2.89247864745380683936e-6, 6.79019408009981274425e-9),
)  # fmt: skip
TAIL = math.exp(-2)
"""Up to which probability the tail's functions are used."""
FAR = 8.0
"""From which z = sqrt(-2 log p) on the tail is the far one."""


def erfinv(context: Context, node: Node, name: str, args: object) -> None:
    """Writes Erfinv: the quantile of (x + 1) / 2, divided by the root of 2."""
    nodes = InPlace(context, node)
    half = nodes.number(0.5)
    p = nodes("Add", [nodes("Mul", [nodes.inputs[0], half]), half])
    nodes.give("Mul", [_quantile(nodes, p), nodes.number(math.sqrt(0.5))])


def ndtri(context: Context, node: Node, name: str, args: object) -> None:
    """Writes Ndtri: below which number a normal variable lies with a probability."""
    nodes = InPlace(context, node)
    nodes.give("Identity", [_quantile(nodes, nodes.inputs[0])])


def _quantile(nodes: InPlace, p: str) -> str:
    number = nodes.number
    one, zero = number(1.0), number(0.0)
    is_low = nodes("LessOrEqual", [p, number(1.0 - TAIL)])
    b = nodes("Where", [is_low, p, nodes("Sub", [one, p])])
    upper = _tail(nodes, b)
    tail = nodes("Where", [is_low, nodes("Neg", [upper]), upper])
    found = nodes("Where", [nodes("Greater", [b, number(TAIL)]), _middle(nodes, b), tail])
    found = nodes("Where", [nodes("Equal", [p, one]), number(math.inf), found])
    made: str = nodes("Where", [nodes("Equal", [p, zero]), number(-math.inf), found])
    return made


def _middle(nodes: InPlace, b: str) -> str:
    c = nodes("Sub", [b, nodes.number(0.5)])
    squared = nodes("Mul", [c, c])
    correction = nodes("Mul", [c, nodes("Mul", [squared, _ratio(nodes, squared, MIDDLE)])])
    found = nodes("Add", [c, correction])
    made: str = nodes("Mul", [found, nodes.number(math.sqrt(2 * math.pi))])
    return made


def _tail(nodes: InPlace, b: str) -> str:
    x = nodes("Sqrt", [nodes("Mul", [nodes("Log", [b]), nodes.number(-2.0)])])
    first = nodes("Sub", [x, nodes("Div", [nodes("Log", [x]), x])])
    z = nodes("Reciprocal", [x])
    is_near = nodes("Less", [x, nodes.number(FAR)])
    ratio = nodes("Where", [is_near, _ratio(nodes, z, NEAR_TAIL), _ratio(nodes, z, FAR_TAIL)])
    made: str = nodes("Sub", [first, nodes("Mul", [z, ratio])])
    return made


def _ratio(nodes: InPlace, x: str, rational: Rational) -> str:
    made: str = nodes("Div", [_polynomial(nodes, x, part) for part in rational])
    return made


def _polynomial(nodes: InPlace, x: str, coefficients: Sequence[float]) -> str:
    """Horner's rule."""
    found = nodes.number(coefficients[0])
    for coefficient in coefficients[1:]:
        found = nodes("Add", [nodes("Mul", [found, x]), nodes.number(coefficient)])
    return found
