"""Every network of `keras.applications`: random weights, small inputs."""

import keras

from benchmarks.coverage.case import Case

SIDE = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71, "NASNet": 64}


def cases() -> list[Case]:
    """Returns one for each network."""
    names = [n for n in dir(keras.applications) if n[:1].isupper() and n != "ConvNeXtBase"]
    names.append("ConvNeXtBase")
    return [
        Case(group="application", name=name, build=lambda n=name: _network(n))
        for name in sorted(names)
    ]


def _network(name: str) -> keras.Model:
    side = next((side for prefix, side in SIDE.items() if name.startswith(prefix)), 64)
    return getattr(keras.applications, name)(
        weights=None, input_shape=(side, side, 3), classes=10, classifier_activation=None
    )
