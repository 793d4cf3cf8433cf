"""What a model is: the networks, what they serve, and what they show of themselves.

Each family of models is one file here and its name in `FAMILIES`. Nothing is built and no Keras
imported before `get` is asked for a family.
"""

import importlib
from typing import TYPE_CHECKING, Any

from keras_models.errors import BadInput

if TYPE_CHECKING:
    from keras_models.family import Family

FAMILIES = ("cnn", "gan", "text")


def get(name: str) -> "Family[Any, Any]":
    """Returns the family called `name`, importing it (and with it Keras) now.

    Raises:
        BadInput: there is no such family; names those there are.
    """
    if name not in FAMILIES:
        raise BadInput(f"there is no model family {name!r}: choose one of {', '.join(FAMILIES)}")
    family: Family[Any, Any] = importlib.import_module(f"keras_models.{name}").FAMILY
    return family
