"""Signatures over strings, which a SavedModel has and an ONNX graph has not.

`classify_image_bytes` takes the bytes of image files and gives class names: what `serving_default`
does, with codecs around it. So a client that sends bytes to TF Serving finds the same signature
here. Which graph stands behind such a signature is seen from the names: `image_bytes` is `image`
through its codec, and a string among the outputs is a class through its own. A string that is
called as a tensor of characters is its text: texts of different lengths are filled up with padding,
which the graph masks. An input with the codec `example` is serialized `tf.train.Example`s, with a
feature for each input of the graph.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from serving import session
from serving.batch import together
from serving.bundle import Codec, Signature, Tensor
from serving.characters import CHARACTERS
from serving.codecs import DECODERS, ENCODERS
from serving.running import example_features
from serving.running.batching import Arrays, Batcher

Conversion = Callable[[np.ndarray], np.ndarray]
_SUFFIX = "_bytes"


class StringSignature:
    """Answers a signature over strings through the graph of another one.

    Attributes:
        signature: what it takes and gives.
    """

    def __init__(
        self,
        signature: Signature,
        batcher: Batcher,
        decode: Mapping[str, tuple[str, Conversion]],
        encode: Mapping[str, tuple[str, Conversion]],
    ) -> None:
        """Puts it together.

        Args:
            signature: what it takes and gives.
            batcher: computes the graph.
            decode: the graph's inputs: from which input here, and how.
            encode: the outputs here: from which output of the graph, and how.
        """
        self.signature = signature
        self._batcher, self._decode, self._encode = batcher, decode, encode

    async def answer(self, inputs: Arrays, deadline: float = float("inf")) -> Arrays:
        """Computes the outputs; as `Batcher.answer`."""
        session.check(self.signature, inputs)
        self.admit()
        decoded = await asyncio.get_running_loop().run_in_executor(None, self._decoded, inputs)
        answers = await self._batcher.answer(decoded, deadline)
        return {name: convert(answers[of]) for name, (of, convert) in self._encode.items()}

    def admit(self) -> None:
        """Refuses what could only be answered too late; as `Batcher.admit`."""
        self._batcher.admit()

    def _decoded(self, inputs: Arrays) -> Arrays:
        """A small file can hold millions of pixels, so this is no work for the event loop."""
        return {name: convert(inputs[of]) for name, (of, convert) in self._decode.items()}


def find(signature: Signature, batchers: Mapping[str, Batcher]) -> StringSignature | None:
    """Puts a signature over strings together, or returns None where no graph fits it."""
    for batcher in batchers.values():
        graph = batcher.signature
        decode = _matches(graph.inputs, signature.inputs, _decoding)
        encode = _matches(signature.outputs, graph.outputs, _encoding)
        if decode is not None and encode is not None:
            return StringSignature(signature, batcher, decode, encode)
    return None


def _matches(
    wanted: Sequence[Tensor],
    given: Sequence[Tensor],
    conversion: Callable[[Tensor, Tensor], Conversion | None],
) -> dict[str, tuple[str, Conversion]] | None:
    found = {}
    for want in wanted:
        for have in given:
            convert = _same if _is_same(want, have) else conversion(want, have)
            if convert is not None:
                found[want.name] = have.name, convert
                break
        else:
            return None
    return found


def _is_same(one: Tensor, other: Tensor) -> bool:
    return (one.name, one.dtype) == (other.name, other.dtype)


def _same(array: np.ndarray) -> np.ndarray:
    return array


def _decoding(want: Tensor, have: Tensor) -> Conversion | None:
    if have.codec is not None and have.codec.name == "example":
        return lambda array: example_features.to_array(array.ravel().tolist(), want)
    codec = want.codec
    if codec is None or codec.name not in DECODERS or have.dtype != "string":
        return None
    if codec.name == CHARACTERS and have.name == want.name and len(want.shape) == 2:
        return _tokens(want, codec)
    if have.name != want.name + _SUFFIX:
        return None
    decode, settings, shape = DECODERS[codec.name], codec.settings, want.shape[1:]

    def convert(array: np.ndarray) -> np.ndarray:
        rows = [decode(content, settings) for content in array.ravel().tolist()]
        if not rows:
            return np.zeros([0, *(d if isinstance(d, int) else 0 for d in shape)], want.dtype)
        return np.stack(rows)

    return convert


def _encoding(want: Tensor, have: Tensor) -> Conversion | None:
    codec = have.codec.name if have.codec else ""
    if want.dtype == "string" and codec == "class":
        return _class_names(have)
    if want.dtype == "string" and have.codec and codec == CHARACTERS:
        return _texts(have.codec)
    if (want.name, want.dtype, codec) == ("classes", "string", "probabilities"):
        return _classes(have)
    if codec == "probabilities" and (want.name, have.dtype) == ("scores", want.dtype):
        return _same
    if have.dtype != want.dtype or want.dtype == "string":
        return None
    if want.name == "scores" and have.shape[1:] in ((), (1,)):
        return _column  # a score without a class, as TF Serving's own example has it
    is_column = have.shape in (want.shape, ("batch", 1))
    return _same if want.name == "outputs" and is_column else None


def _column(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), 1)


def _tokens(want: Tensor, codec: Codec) -> Conversion:
    decode = DECODERS[codec.name]

    def convert(array: np.ndarray) -> np.ndarray:
        rows = [decode(text, codec.settings) for text in array.ravel().tolist()]
        return together(want, rows) if rows else np.zeros([0, 0], want.dtype)

    return convert


def _texts(codec: Codec) -> Conversion:
    encode = ENCODERS[codec.name]

    def convert(array: np.ndarray) -> np.ndarray:
        texts = np.empty(len(array), object)
        texts[:] = [text.encode() for text in encode(array, codec.settings)] if len(array) else []
        return texts

    return convert


def _class_names(have: Tensor) -> Conversion:
    settings = have.codec.settings if have.codec else {}

    def convert(array: np.ndarray) -> np.ndarray:
        names = [name.encode() for name in ENCODERS["class"](array, settings)]
        return np.array(names, object).reshape(array.shape)

    return convert


def _classes(have: Tensor) -> Conversion:
    """All classes for each row, in the order of the probabilities."""
    classes = have.codec.settings["classes"] if have.codec else ()
    names = np.array([name.encode() for name in classes], object)
    return lambda array: np.broadcast_to(names, (len(array), len(names)))
