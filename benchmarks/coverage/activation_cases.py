"""Every activation of `keras.activations`, alone and inside a layer."""

import keras
from keras import layers as L

from benchmarks.coverage.case import Case, one

NOT_ACTIVATIONS = ("deserialize", "get", "serialize")
NEED_MORE = ("threshold",)
"""Those that are none without arguments."""


def cases() -> list[Case]:
    """Returns one for each name."""
    names = [
        name
        for name in dir(keras.activations)
        if not name.startswith("_") and name not in NEED_MORE
    ]
    found = {name: lambda n=name: one(L.Activation(n), 4, 6) for name in names}
    found["threshold"] = lambda: one(lambda x: keras.activations.threshold(x, 0.1, -0.5), 4, 6)
    found["gelu exact"] = lambda: one(lambda x: keras.activations.gelu(x, approximate=False), 4, 6)
    found["gelu approximate"] = lambda: one(
        lambda x: keras.activations.gelu(x, approximate=True), 4, 6
    )
    found["celu alpha"] = lambda: one(lambda x: keras.activations.celu(x, alpha=0.5), 4, 6)
    found["glu axis 1"] = lambda: one(lambda x: keras.activations.glu(x, axis=1), 4, 6)
    found["gelu float16"] = lambda: one(L.Activation("gelu", dtype="float16"), 4, dtype="float16")
    found["softmax of rank 5"] = lambda: one(L.Activation("softmax"), 2, 3, 2, 5)
    return [
        Case(group="activation", name=name, build=build)
        for name, build in found.items()
        if name not in NOT_ACTIVATIONS
    ]
