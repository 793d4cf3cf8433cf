"""Texts as they are: `Content-Type: text/plain` is a prompt, `Accept: text/plain` asks for a text.

The manifest's codecs say which signature reads characters and gives them, and which outputs are
words. What a prompt alone leaves open is as in a stream (`TextRequest`).
"""

import numpy as np

from serving.bundle import Signature, Tensor
from serving.characters import CHARACTERS
from serving.codecs import DECODERS, ENCODERS
from serving.errors import BadInput
from serving.http1.message import JSON, Request, Response
from serving.running.batching import Arrays
from serving.running.texts import TextRequest
from serving.running.version import Answering, Version

TEXT = "text/plain"
TYPE = f"{TEXT}; charset=utf-8"
_WORDS = (CHARACTERS, "class")
"""Codecs that make one string of each row."""


def is_text(request: Request) -> bool:
    """Tells whether a request's body is a text.

    A JSON object is none, whatever it is called: browsers call all that a page sends `text/plain`,
    and TF Serving, whose clients come here too, reads no Content-Type.
    """
    called = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return called == TEXT and not request.body.lstrip().startswith(b"{")


def wants_text(request: Request) -> bool:
    """Tells whether a request asks for a text; many clients say that they take both."""
    accepted = request.headers.get("accept", "").lower()
    return TEXT in accepted and JSON not in accepted


def text_of(body: bytes) -> str:
    """Reads a body.

    Raises:
        BadInput: it is no UTF-8.
    """
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"the text is no UTF-8: byte {error.start} of it is wrong") from error


def answering(version: Version) -> Answering:
    """Returns the signature that goes on with a text.

    Raises:
        BadInput: the model has none.
    """
    for signature in version.signatures():
        gives = any(map(_is_of_characters, signature.outputs))
        found = version.answering(signature.name)
        if gives and found is not None and any(map(_is_of_characters, signature.inputs)):
            return found
    raise BadInput(f"{version.name} goes on with no text: send JSON")


def inputs_of(signature: Signature, body: bytes) -> dict[str, np.ndarray]:
    """Reads a prompt as the inputs of a signature.

    Raises:
        BadInput: it is no text, or the signature takes more than that.
    """
    open_, inputs = TextRequest(), {}
    for tensor in signature.inputs:
        if tensor.codec is not None and tensor.codec.name == CHARACTERS:
            tokens = DECODERS[CHARACTERS](text_of(body), tensor.codec.settings)
            inputs[tensor.name] = tokens[np.newaxis]
        elif not tensor.shape and hasattr(open_, tensor.name):
            inputs[tensor.name] = np.array(getattr(open_, tensor.name), tensor.dtype)
        else:
            raise BadInput(f"{signature.name} takes {tensor.name} too: send JSON")
    return inputs


def answer(signature: Signature, outputs: Arrays) -> Response:
    """Answers with the one text, or the name of the one class, that a signature gave.

    Raises:
        BadInput: it gave none, or several.
    """
    for tensor in signature.outputs:
        texts = _texts(tensor, outputs[tensor.name])
        if len(texts) > 1:
            raise BadInput(f"{signature.name} gave {len(texts)} texts: ask for JSON")
        if texts:
            return Response(body=texts[0].encode("utf-8", "replace"), content_type=TYPE)
    raise BadInput(f"{signature.name} gave no text: ask for JSON")


def _is_of_characters(tensor: Tensor) -> bool:
    return tensor.codec is not None and tensor.codec.name == CHARACTERS


def _texts(tensor: Tensor, array: np.ndarray) -> list[str]:
    if tensor.dtype == "string":
        return [one.decode("utf-8", "replace") for one in array.ravel().tolist()]
    if tensor.codec is not None and tensor.codec.name in _WORDS and array.size:
        return ENCODERS[tensor.codec.name](array, tensor.codec.settings)
    return []
