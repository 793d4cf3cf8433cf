"""Colors as red, green and blue, and as hue, saturation and value.

Source: Smith 1978, Color gamut transform pairs, as TensorFlow has it.
"""

import numpy as np

from export.lowering.marks import Context, InPlace, Node

PLACES = (3.0, 2.0, 4.0)
"""Around which sixth of the circle red is weakest, and green and blue are strongest."""
SLOPES = (1.0, -1.0, -1.0)
OFFSETS = (-1.0, 2.0, 2.0)


def hsv_to_rgb(context: Context, node: Node, name: str, args: object) -> None:
    """Writes HSVToRGB of [..., 3].

    Each color is a line of its distance from its place on the circle, cut off at 0 and 1; then
    mixed with white by the saturation, and darkened by the value.
    """
    nodes = InPlace(context, node)
    number = nodes.number
    hue, saturation, value = _channels(nodes)
    one = number(1.0)
    distance = nodes("Abs", [nodes("Sub", [nodes("Mul", [hue, number(6.0)]), number(PLACES)])])
    line = nodes("Add", [nodes("Mul", [distance, number(SLOPES)]), number(OFFSETS)])
    pure = nodes("Clip", [line, number(0.0), one])
    pale = nodes("Add", [nodes("Mul", [nodes("Sub", [pure, one]), saturation]), one])
    nodes.give("Mul", [pale, value])


def rgb_to_hsv(context: Context, node: Node, name: str, args: object) -> None:
    """Writes RGBToHSV of [..., 3].

    The hue begins at the strongest color, and leans to the stronger of the two others; of what is
    gray it is 0.
    """
    nodes = InPlace(context, node)
    number = nodes.number
    red, green, blue = channels = _channels(nodes)
    zero = number(0.0)
    value = nodes("Max", channels)
    range_ = nodes("Sub", [value, nodes("Min", channels)])
    share = nodes("Div", [range_, value])
    saturation = nodes("Where", [nodes("Greater", [value, zero]), share, zero])
    scale = nodes("Mul", [nodes("Reciprocal", [range_]), number(1 / 6)])

    def leaning(stronger: str, weaker: str, sixths: float) -> str:
        apart = nodes("Mul", [scale, nodes("Sub", [stronger, weaker])])
        found: str = nodes("Add", [apart, number(sixths / 6)])
        return found

    hue = nodes(
        "Where",
        [nodes("Equal", [green, value]), leaning(blue, red, 2.0), leaning(red, green, 4.0)],
    )
    hue = nodes("Where", [nodes("Equal", [red, value]), leaning(green, blue, 0.0), hue])
    hue = nodes("Where", [nodes("Greater", [range_, zero]), hue, zero])
    around = nodes("Add", [hue, number(1.0)])
    hue = nodes("Where", [nodes("Less", [hue, zero]), around, hue])
    nodes.give("Concat", [hue, saturation, value], axis=-1)


def _channels(nodes: InPlace) -> list[str]:
    """The three of the node's pixels."""
    places = (nodes.constant([place], np.int64) for place in range(3))
    return [nodes("Gather", [nodes.inputs[0], place], axis=-1) for place in places]
