"""Who makes, holds and reads what in an ONNX graph."""

from collections import Counter

import onnx

from export.subgraphs import bodies


def makers_of(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    """Returns, by the name of each tensor that is computed, the node that gives it."""
    return {name: node for node in graph.node for name in node.output}


def constants_of(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Returns the constants whose numbers are in the graph, and not in another file."""
    here = onnx.TensorProto.DEFAULT
    return {one.name: one for one in graph.initializer if one.data_location == here}


def readers_of(graph: onnx.GraphProto) -> Counter[str]:
    """Counts who reads each tensor: nodes, those in bodies too, and outputs."""
    found = Counter(value.name for value in graph.output)
    for node in graph.node:
        found.update(node.input)
        for body in bodies(node):
            found.update(readers_of(body))
    return found


def read_instead(graph: onnx.GraphProto, before: str, after: str) -> None:
    """Lets what reads one tensor read another, in bodies too."""
    for node in graph.node:
        node.input[:] = [after if name == before else name for name in node.input]
        for body in bodies(node):
            read_instead(body, before, after)
    for value in graph.output:
        value.name = after if value.name == before else value.name


def number_of(node: onnx.NodeProto, name: str, default: int) -> int:
    """Returns an integer that a node is set to."""
    return next((int(one.i) for one in node.attribute if one.name == name), default)
