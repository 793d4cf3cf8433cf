"""Classify and regress: signatures over serialized `tf.train.Example`s, as TF Serving answers them.

Such a signature takes `inputs`, a string for each example, and gives `classes` and `scores`, or
`outputs`. Its name for the method is not looked at, as TF Serving does not unless it is told to.
The messages are those of its classifier.cc and regressor.cc.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.bundle import Signature
from serving.errors import BadInput, Unsupported
from serving.model import DEFAULT
from serving.running.batching import Arrays
from serving.running.version import Answering, Version

INPUTS, CLASSES, SCORES, OUTPUTS = "inputs", "classes", "scores", "outputs"

Classes = list[list[tuple[str, np.floating[Any]]]]


def classifying(version: Version, signature: str) -> Answering:
    """Returns what classifies.

    Raises:
        BadInput: there is no such signature, or it does not classify examples.
        Unsupported: it is in the SavedModel alone.
    """
    definition = _definition(version, signature)
    if len(definition.inputs) != 1:
        raise BadInput("Expected one input Tensor.")
    if len(definition.outputs) not in (1, 2):
        raise BadInput(f"Expected one or two output Tensors, found {len(definition.outputs)}")
    if INPUTS not in definition.inputs:
        raise BadInput(f"No classification inputs found in SignatureDef: {definition}")
    if CLASSES not in definition.outputs and SCORES not in definition.outputs:
        raise BadInput(
            "Expected classification signature outputs to contain at least one of "
            f'"{CLASSES}" or "{SCORES}". Signature was: {definition}'
        )
    return _answering(version, signature)


def regressing(version: Version, signature: str) -> Answering:
    """Returns what regresses.

    Raises:
        BadInput: there is no such signature, or it gives no number for an example.
        Unsupported: it is in the SavedModel alone.
    """
    definition = _definition(version, signature)
    if len(definition.inputs) != 1:
        raise BadInput("Expected one input Tensor.")
    if len(definition.outputs) != 1:
        raise BadInput("Expected one output Tensor.")
    if INPUTS not in definition.inputs:
        raise BadInput(f"No regression inputs found in SignatureDef: {definition}")
    if OUTPUTS not in definition.outputs:
        raise BadInput(f"No regression outputs found in SignatureDef: {definition}")
    return _answering(version, signature)


async def answer(answering: Answering, examples: Sequence[bytes], deadline: float) -> Arrays:
    """Computes the outputs for serialized examples.

    Raises:
        BadInput: there is none, or one that the signature cannot read.
    """
    if not examples:
        raise BadInput("Input is empty.")
    inputs = np.empty(len(examples), object)
    inputs[:] = examples
    return await answering.answer({INPUTS: inputs}, deadline)


def classes_of(outputs: Arrays, examples: int) -> Classes:
    """Returns label and score for every class of every example.

    Raises:
        BadInput: the signature's outputs have not the shape or type of such.
    """
    classes, scores = outputs.get(CLASSES), outputs.get(SCORES)
    for name, array, is_type in (
        (CLASSES, classes, lambda a: a.dtype.kind in "OSU"),
        (SCORES, scores, lambda a: a.dtype == np.float32),
    ):
        if array is None:
            continue
        if array.ndim != 2:
            raise BadInput(
                f"Expected Tensor shape: [batch_size num_classes] but got {_written(array)}"
            )
        if not is_type(array):
            wanted = "DT_STRING" if name == CLASSES else "DT_FLOAT"
            raise BadInput(f"Expected {name} Tensor of {wanted}. Got: {array.dtype}")
        if len(array) != examples:
            raise BadInput(f"Expected {name} output batch size of {examples}. Got: {len(array)}")
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise BadInput(
            "Tensors class and score should match in dim_size(1). "
            f"Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    some = scores if classes is None else classes
    if some is None:
        raise BadInput("the signature gave neither classes nor scores")
    labels = np.full(some.shape, "", object) if classes is None else classes
    numbers = np.zeros(some.shape, np.float32) if scores is None else scores
    return [
        [(_text(label), number) for label, number in zip(names, row, strict=True)]
        for names, row in zip(labels, numbers, strict=True)
    ]


def values_of(outputs: Arrays, examples: int) -> np.ndarray:
    """Returns a number for every example.

    Raises:
        BadInput: the signature's output has not the shape or type of that.
    """
    array = outputs[OUTPUTS]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise BadInput(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {_written(array)}"
        )
    if len(array) != examples:
        raise BadInput(
            f"Input batch size did not match output batch size: {examples} vs. {len(array)}"
        )
    if array.dtype != np.float32:
        raise BadInput(f"Expected output Tensor of DT_FLOAT.  Got: {array.dtype}")
    return array.ravel()


def _definition(version: Version, signature: str) -> Any:
    name = signature or DEFAULT
    if name not in version.signature_defs:
        raise BadInput(f"No signature was found with the name: {name}")
    return version.signature_defs[name]


def _answering(version: Version, signature: str) -> Answering:
    answering = version.answering(signature)
    if answering is None:
        raise Unsupported(
            f"signature {signature or DEFAULT} of {version.name} is in the SavedModel alone"
        )
    if _takes_strings(answering.signature):
        return answering
    raise BadInput(
        f"signature {answering.signature.name} takes {answering.signature.inputs[0].dtype}, "
        "no serialized tf.train.Example"
    )


def _takes_strings(signature: Signature) -> bool:
    return signature.inputs[0].dtype == "string"


def _text(label: bytes | str) -> str:
    return label if isinstance(label, str) else label.decode("utf-8", "surrogateescape")


def _written(array: np.ndarray) -> str:
    return f"[{','.join(map(str, array.shape))}]"
