"""Why a model is not written as ONNX: which of its layers, what they use, and the way round."""

import contextlib
import logging
from collections.abc import Iterable, Iterator

import onnx
import tensorflow as tf

from export.lowering import detached, later
from export.origins import Origins
from export.reasons import reason
from export.subgraphs import bodies
from keras_models.errors import BadInput
from keras_models.signature import Signature

ONNX_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
WAY_ROUND = "keras-export --format savedmodel publishes the SavedModel alone"
PASSING_ON = ("Placeholder", "Identity", "Const")
"""TensorFlow's operators that compute nothing."""


def of_strings(signature: Signature, traced: tf.Graph, origins: Origins) -> BadInput | None:
    """Returns the refusal of a model that takes or gives strings, by what computes on them."""
    tensors = [t.name for t in (*signature.inputs, *signature.outputs) if t.dtype == "string"]
    if not tensors:
        return None
    operators = [
        one.name
        for one in traced.get_operations()
        if one.type not in PASSING_ON
        and any(tensor.dtype == tf.string for tensor in (*one.inputs, *one.outputs))
    ]
    layers = ", ".join(origins.of(operators)) or signature.name
    return BadInput(
        f"{', '.join(tensors)} cannot be expressed in ONNX: {layers} computes on strings, and "
        "ONNX has no operators for that. Turn strings into numbers before the model, and export "
        f"what takes the numbers; or {WAY_ROUND}"
    )


def of_operators(signature: Signature, graph: onnx.GraphProto, origins: Origins) -> BadInput | None:
    """Returns the refusal of a graph that holds operators outside ONNX, by layer."""
    used: dict[str, dict[str, None]] = {}
    for name, operator in _foreign(graph, ""):
        layer = next(iter(origins.of([name])), "the model")
        used.setdefault(layer, {}).setdefault(operator)
    if not used:
        return None
    drawing = {layer: ops for layer, ops in used.items() if any("Random" in one for one in ops)}
    if drawing:
        return BadInput(
            f"{signature.name} cannot be expressed in ONNX: {', '.join(drawing)} draws random "
            "numbers at inference, and no two runtimes draw the same, so that nothing could be "
            "proven. Make the noise an input of the model, or export a model that ends before it"
        )
    said = "; ".join(f"{layer} uses {', '.join(sorted(ops))}" for layer, ops in used.items())
    return BadInput(
        f"{signature.name} cannot be expressed in ONNX: {said}, and ONNX has no such operator. "
        f"Compute it otherwise, with other functions of keras.ops; or {WAY_ROUND}"
    )


def of_error(
    signature: Signature, error: Exception, said: Iterable[str], origins: Origins
) -> BadInput:
    """Returns the refusal of a model that a converter stumbled on.

    Args:
        signature: of the model.
        error: what was raised.
        said: what the converter logged; names the operators.
        origins: of the operators.
    """
    layers = ", ".join(origins.of([*said, str(error)]))
    where = f"at {layers}: " if layers else ""
    return BadInput(
        f"{signature.name} cannot be expressed in ONNX: {where}{reason(error)}; {WAY_ROUND}"
    )


def of_call(name: str, error: Exception, layer: str = "") -> BadInput:
    """Returns the refusal of a model that Keras raised at while it was traced.

    Args:
        name: of the model or signature.
        error: what was raised.
        layer: that it was raised in, if that is known.
    """
    where = f"at {layer}: " if layer else ""
    return BadInput(f"Keras itself cannot call {name}: {where}{reason(error)}")


@contextlib.contextmanager
def listening() -> Iterator[list[str]]:
    """While it lasts, what tf2onnx says of errors goes into a list, and not to the user."""
    said: list[str] = []
    logger, handler = logging.getLogger("tf2onnx"), _Keeping(said)
    before = logger.level, logger.propagate, logger.handlers
    logger.propagate, logger.handlers = False, [handler]
    logger.setLevel(logging.ERROR)
    try:
        yield said
    finally:
        logger.setLevel(before[0])
        logger.propagate, logger.handlers = before[1:]


class _Keeping(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


def _foreign(graph: onnx.GraphProto, within: str) -> Iterator[tuple[str, str]]:
    """Names and kinds of operators outside ONNX; one in a body has the names around it as well."""
    for node in graph.node:
        name = f"{within}/{node.name}"
        if not _is_known(node):
            yield name, node.op_type
        for body in bodies(node):
            yield from _foreign(body, name)


def _is_known(node: onnx.NodeProto) -> bool:
    if node.domain == detached.DOMAIN:
        return True
    if node.domain == later.DOMAIN:
        return node.op_type == later.PRODUCT or bool(onnx.defs.has(node.op_type, ""))
    return node.domain in ONNX_DOMAINS and bool(onnx.defs.has(node.op_type, node.domain))
