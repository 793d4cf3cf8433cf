"""The protobuf messages of `protos/`, in a descriptor pool of their own.

TensorFlow registers messages of the same names in the default pool. Here both may live in one
process, since neither sees the other. `make protos` compiles the files.
"""

import functools
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PROTOS = Path(__file__).with_name("protos")
DESCRIPTORS = PROTOS / "descriptors.bin"


@functools.cache
def pool() -> descriptor_pool.DescriptorPool:
    """Returns the pool that knows every message and service of `protos/`."""
    found = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    for file in files.file:  # what a file imports comes before it
        found.Add(file)
    return found


@functools.cache
def message(name: str) -> Any:
    """Returns the class of a message: `message("tensorflow.serving.PredictRequest")`.

    Raises:
        KeyError: there is none of that name.
    """
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(name))


def serving(name: str) -> Any:
    """Returns the class of a message of TF Serving: `serving("PredictRequest")`."""
    return message(f"tensorflow.serving.{name}")
