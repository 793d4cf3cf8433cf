"""TF Serving's own example models as bundles, and the configuration that names them."""

import numpy as np
from onnx import helper

from tests.serving.networks import half_plus
from tests.serving.written_bundles import Graph, signature, tensor, write_bundle


def write_models(folder):
    """Writes `half_plus_two`, `half_plus_three` and `pairs`, each with version 123."""
    for name, graphs in (
        ("half_plus_two", half_plus(2)),
        ("half_plus_three", half_plus(3)),
        ("pairs", pairs()),
    ):
        write_bundle(folder / name / "00000123", graphs)


def pairs():
    """x / 2 + 2 for rows of two numbers: a bundle says the shape of a row, their graph does not."""
    return [
        Graph(
            signature=signature(
                "serving_default", [tensor("x", "float32", 2)], [tensor("y", "float32", 2)]
            ),
            nodes=[
                helper.make_node("Mul", ["x", "half"], ["halved"]),
                helper.make_node("Add", ["halved", "two"], ["y"]),
            ],
            constants={"half": np.float32(0.5), "two": np.float32(2)},
            reference=lambda x: [x / 2 + np.float32(2)],
            examples={"x": np.arange(6, dtype=np.float32).reshape(3, 2)},
        )
    ]


def config(folder, *models, **further):
    """Returns the text of a models.config for models in a folder.

    Args:
        folder: where they are.
        models: their names.
        further: by name, what else is said of one.
    """
    listed = "".join(
        f'''
        config {{
            name: "{name}",
            base_path: "{folder / name}",
            model_platform: "tensorflow"
            {further.get(name, "")}
        }}'''
        for name in models
    )
    return f"model_config_list {{ {listed} }}"
