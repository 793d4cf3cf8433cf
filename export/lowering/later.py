"""Operators newer than what tf2onnx writes: kept under another domain until the graph is lifted."""

import onnx

from export.lowering.marks import Nodes
from export.subgraphs import all_nodes

DOMAIN = "keras_models.later"
"""Where such a node waits. ONNX's converter of versions leaves other domains alone."""
PRODUCT = "Product"
"""What an Einsum is called while it waits: tf2onnx takes apart what has that name, and of many axes
tries out for a minute in which order."""

ANSWER = "Answer"
"""What passes on an output while tf2onnx rewrites the graph: of one channel, it turns a tensor by
reshaping it to five axes and squeezing one, and at times loses the Squeeze if that is an output.
"""


def answer(nodes: Nodes, inputs: list[str]) -> list[str]:
    """Writes what passes on an output."""
    return [nodes(ANSWER, inputs, domain=DOMAIN)]


def pass_on(model: onnx.ModelProto) -> None:
    """Makes an Identity of what passed on the outputs, once tf2onnx is done."""
    for node in model.graph.node:
        if node.domain == DOMAIN and node.op_type == ANSWER:
            node.domain, node.op_type = "", "Identity"


def restore(model: onnx.ModelProto) -> None:
    """Gives the nodes that waited their own domain; `model` is in an operator set that has them."""
    for node in all_nodes(model.graph):
        if node.domain == DOMAIN:
            node.domain = ""
            node.op_type = "Einsum" if node.op_type == PRODUCT else node.op_type
    kept = [one for one in model.opset_import if one.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(kept)
