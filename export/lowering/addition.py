"""Adding one number to all of a tensor.

The pass of tf2onnx 1.17 that moves turns of channels past what is computed ends with an error at a
number without axes that is added to a convolution's maps (hard-swish of a MobileNetV3 that is not
trained yet), and the graph keeps all its turns: two for each convolution. With one axis of one
number the sum is the same, and the pass goes on.
"""

from export.lowering.marks import Context, InPlace, Node


def add(context: Context, node: Node, name: str, args: object) -> None:
    """Writes AddV2; a constant without axes gets one where the other side has some."""
    shapes = [context.get_shape(one) for one in node.input]
    numbers = [one.get_tensor_value() if one.is_const() else None for one in node.inputs]
    nodes = InPlace(context, node)
    inputs = [
        nodes.number([number]) if shape == [] and number is not None and other else tensor
        for tensor, number, shape, other in zip(
            nodes.inputs, numbers, shapes, reversed(shapes), strict=True
        )
    ]
    nodes.give("Add", inputs)
