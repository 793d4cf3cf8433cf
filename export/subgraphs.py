"""Walking through an ONNX graph and the bodies of the loops and branches in it."""

from collections.abc import Iterator

import onnx


def bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """Returns the graphs that are attributes of a node."""
    return [one.g for one in node.attribute if one.type == onnx.AttributeProto.GRAPH]


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yields every node of a graph, each followed by those of its bodies."""
    for node in graph.node:
        yield node
        for body in bodies(node):
            yield from all_nodes(body)
