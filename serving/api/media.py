"""Pictures as they are: the bytes of a PNG or JPEG in, a PNG out, through the manifest's codecs.

`Content-Type: image/png` stands for the one picture that `serving_default` takes; it is answered
with what people read. `Accept: image/png` asks for a picture that a signature makes, several of
them as a grid.
"""

import asyncio
import json
from collections.abc import Mapping

import numpy as np

from serving.api.writing import write
from serving.bundle import Signature
from serving.codecs import DECODERS, ENCODERS, grid
from serving.errors import BadInput
from serving.http1.message import Request, Response
from serving.running.batching import Arrays

PNG = "image/png"
PICTURES = (PNG, "image/jpeg")
_IMAGE = "image"


def is_picture(request: Request) -> bool:
    """Tells whether a request's body is a picture."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() in PICTURES


def wants_picture(request: Request) -> bool:
    """Tells whether a request asks for a picture."""
    return PNG in request.headers.get("accept", "").lower()


async def inputs_of(signature: Signature, body: bytes) -> dict[str, np.ndarray]:
    """Reads a picture as the inputs of a signature.

    Raises:
        BadInput: it is no picture, or the signature takes something else.
    """
    codecs = [tensor.codec for tensor in signature.inputs if tensor.codec]
    if len(signature.inputs) != 1 or not codecs or codecs[0].name != _IMAGE:
        raise BadInput(f"{signature.name} takes no single picture: send JSON")
    decode = DECODERS[_IMAGE]
    picture = await asyncio.get_running_loop().run_in_executor(
        None, decode, body, codecs[0].settings
    )
    return {signature.inputs[0].name: picture[np.newaxis]}


def readable(signature: Signature, outputs: Arrays) -> Response:
    """Answers one sample with what people read: class names, the likeliest first."""
    told: Mapping[str, object] = {
        tensor.name: ENCODERS[tensor.codec.name](outputs[tensor.name], tensor.codec.settings)[0]
        for tensor in signature.outputs
        if tensor.codec and tensor.codec.name in ENCODERS
    }
    return Response(body=json.dumps(told, ensure_ascii=False).encode())


async def picture(signature: Signature, outputs: Arrays) -> Response:
    """Answers with the pictures that a signature made.

    Raises:
        BadInput: it makes none.
    """
    for tensor in signature.outputs:
        name, images = tensor.name, outputs[tensor.name]
        if tensor.codec and tensor.codec.name == _IMAGE and images.ndim == 4 and images.size:
            content = await write(lambda made: grid(*made.values()), {name: images})
            return Response(body=content, content_type=PNG)
    raise BadInput(f"{signature.name} made no picture: ask for JSON")
