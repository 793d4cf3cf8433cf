"""Operators newer than what tf2onnx writes: kept under another domain until the graph is lifted."""

import onnx

from export.subgraphs import all_nodes

DOMAIN = "keras_models.later"
"""Where such a node waits. ONNX's converter of versions leaves other domains alone."""
PRODUCT = "Product"
"""What an Einsum is called while it waits: tf2onnx takes apart what has that name, and of many axes
tries out for a minute in which order."""


def restore(model: onnx.ModelProto) -> None:
    """Gives the nodes that waited their own domain; `model` is in an operator set that has them."""
    for node in all_nodes(model.graph):
        if node.domain == DOMAIN:
            node.domain = ""
            node.op_type = "Einsum" if node.op_type == PRODUCT else node.op_type
    kept = [one for one in model.opset_import if one.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(kept)
