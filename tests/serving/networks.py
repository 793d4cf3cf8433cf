"""Networks small enough to be told by hand: what each computes, as operators and in NumPy."""

import itertools

import numpy as np
from onnx import TensorProto, helper

from serving.bundle import Codec, Tensor
from tests.serving.written_bundles import Graph, signature, tensor

EXAMPLES = Codec(name="example")


def half_plus(number):
    """TF Serving's own example: x / 2 + 2, to predict, regress and classify without classes."""
    return [
        Graph(
            signature=signature(
                "serving_default", [tensor("x", "float32")], [tensor("y", "float32")]
            ),
            nodes=[
                helper.make_node("Mul", ["x", "half"], ["halved"]),
                helper.make_node("Add", ["halved", "number"], ["y"]),
            ],
            constants={"half": np.float32(0.5), "number": np.float32(number)},
            reference=lambda x: [x / 2 + np.float32(number)],
            examples={"x": np.arange(5, dtype=np.float32)},
        ),
        Graph(
            signature=signature(
                "regress_x_to_y",
                [tensor("inputs", "string", codec=EXAMPLES)],
                [tensor("outputs", "float32")],
                has_graph=False,
            )
        ),
        Graph(
            signature=signature(
                "classify_x_to_y",
                [tensor("inputs", "string", codec=EXAMPLES)],
                [tensor("scores", "float32", 1)],
                has_graph=False,
            )
        ),
    ]


def sums():
    """Two inputs, three outputs, of different types and ranks."""
    inputs = [tensor("a", "float32", 2), tensor("b", "int32")]
    outputs = [
        tensor("doubled", "float32", 2),
        tensor("next", "int32"),
        tensor("is_large", "bool"),
    ]
    return [
        Graph(
            signature=signature("serving_default", inputs, outputs),
            nodes=[
                helper.make_node("Add", ["a", "a"], ["doubled"]),
                helper.make_node("Add", ["b", "one"], ["next"]),
                helper.make_node("Greater", ["b", "one"], ["is_large"]),
            ],
            constants={"one": np.int32(1)},
            reference=lambda a, b: [a + a, b + 1, b > 1],
            examples={"a": np.eye(2, dtype=np.float32), "b": np.array([0, 5], np.int32)},
        )
    ]


def pixels():
    """A classifier of 2 × 2 pictures by their brightest pixel, also from bytes and Examples."""
    classes = ["north", "east", "south", "west"]
    picture = Codec(name="image", settings={"height": 2, "width": 2, "channels": 1})
    named = {"classes": classes}
    probabilities = tensor(
        "probabilities", "float32", 4, codec=Codec(name="probabilities", settings=named)
    )
    label = tensor("label", "int64", codec=Codec(name="class", settings=named))

    def softmax(image):
        flat = image.reshape(-1, 4).astype(np.float64) / 50
        shares = np.exp(flat) / np.exp(flat).sum(axis=1, keepdims=True)
        return [shares.astype(np.float32), flat.argmax(axis=1)]

    image = np.array([[200, 0, 100, 0], [0, 200, 50, 0], [9, 0, 99, 3]], np.uint8)
    return [
        Graph(
            signature=signature(
                "serving_default",
                [tensor("image", "uint8", 2, 2, 1, codec=picture)],
                [probabilities, label],
            ),
            nodes=[
                helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
                helper.make_node("Reshape", ["numbers", "shape"], ["flat"]),
                helper.make_node("Div", ["flat", "fifty"], ["logits"]),
                helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
                helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
            ],
            constants={"fifty": np.float32(50), "shape": np.array([-1, 4], np.int64)},
            reference=softmax,
            examples={"image": image.reshape(3, 2, 2, 1)},
        ),
        Graph(
            signature=signature(
                "classify_image_bytes",
                [tensor("image_bytes", "string")],
                [tensor("class", "string"), probabilities],
                has_graph=False,
            )
        ),
        Graph(
            signature=signature(
                "classify",
                [tensor("inputs", "string", codec=EXAMPLES)],
                [tensor("classes", "string", 4), tensor("scores", "float32", 4)],
                has_graph=False,
            )
        ),
        Graph(
            signature=signature(
                "negative",
                [tensor("image", "uint8", 2, 2, 1, codec=picture)],
                [tensor("negative", "uint8", 2, 2, 1, codec=picture)],
            ),
            nodes=[
                helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT32),
                helper.make_node("Sub", ["white", "whole"], ["rest"]),
                helper.make_node("Cast", ["rest"], ["negative"], to=TensorProto.UINT8),
            ],
            constants={"white": np.int32(255)},
            reference=lambda image: [255 - image],
            examples={"image": image.reshape(3, 2, 2, 1)},
        ),
        Graph(
            signature=signature(
                "sample",
                [
                    Tensor(name="seed", dtype="int64", shape=()),
                    Tensor(name="count", dtype="int32", shape=()),
                ],
                [tensor("image", "uint8", 2, 2, 1, codec=picture)],
            ),
            nodes=[
                helper.make_node("Cast", ["count"], ["long"], to=TensorProto.INT64),
                helper.make_node("Reshape", ["long", "one"], ["rows"]),
                helper.make_node("Concat", ["rows", "size"], ["shape"], axis=0),
                helper.make_node("Cast", ["seed"], ["grey"], to=TensorProto.UINT8),
                helper.make_node("Expand", ["grey", "shape"], ["image"]),
            ],
            constants={"one": np.array([1]), "size": np.array([2, 2, 1])},
            reference=lambda seed, count: [np.full((count, 2, 2, 1), seed, np.uint8)],
            examples={"seed": np.array(7), "count": np.array(3, np.int32)},
        ),
        Graph(signature=signature("mystery", [label], [label], has_graph=False)),
    ]


def series():
    """The mean over time: an answer that needs at least one step; lengths differ."""
    return [
        Graph(
            signature=signature(
                "serving_default", [tensor("x", "float32", "time")], [tensor("y", "float32")]
            ),
            nodes=[helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)],
            constants={"axes": np.array([1], np.int64)},
            reference=lambda x: [x.mean(axis=1)],
            examples={"x": np.arange(12, dtype=np.float32).reshape(3, 4)},
        )
    ]


def so_far():
    """The sum over time so far: what follows changes nothing of it."""
    return [
        Graph(
            signature=signature(
                "serving_default",
                [tensor("x", "float32", "time")],
                [tensor("y", "float32", "time")],
            ),
            nodes=[helper.make_node("CumSum", ["x", "axis"], ["y"])],
            constants={"axis": np.array(1)},
            reference=lambda x: [x.cumsum(axis=1)],
            examples={"x": np.arange(12, dtype=np.float32).reshape(3, 4)},
        )
    ]


def masked():
    """The sum over time of what is no padding, -1; the lengths are masked."""
    return [
        Graph(
            signature=signature(
                "serving_default",
                [tensor("x", "float32", "time", minimum=-1)],
                [tensor("y", "float32")],
            ),
            nodes=[
                helper.make_node("Relu", ["x"], ["unmasked"]),
                helper.make_node("ReduceSum", ["unmasked", "axes"], ["y"], keepdims=0),
            ],
            constants={"axes": np.array([1])},
            reference=lambda x: [np.maximum(x, 0).sum(axis=1)],
            examples={"x": np.arange(12, dtype=np.float32).reshape(3, 4)},
        )
    ]


def rectified():
    """Numbers below zero become zero: as its export found, NaN does too, and does not in Keras."""
    return [
        Graph(
            signature=signature(
                "serving_default",
                [tensor("x", "float32", 2, refused=("NaN",))],
                [tensor("y", "float32", 2)],
            ),
            nodes=[helper.make_node("Relu", ["x"], ["y"])],
            reference=lambda x: [np.maximum(x, 0)],
            examples={"x": np.array([[1, -2], [-3, 4]], np.float32)},
        )
    ]


def slow():
    """Some hundredths of a second for each row: matrices multiplied again and again."""
    size, times = 250, 20
    matrix = (np.eye(size) * 0.5).astype(np.float32)
    names = ["x", *(f"step_{step}" for step in range(times))]
    shape = np.array([-1, size, 1], np.int64)
    return [
        Graph(
            signature=signature(
                "serving_default", [tensor("x", "float32", size)], [tensor("y", "float32")]
            ),
            nodes=[
                helper.make_node("Reshape", ["x", "shape"], ["column"]),
                helper.make_node("Mul", ["column", "ones"], ["step_0"]),
                *(
                    helper.make_node("MatMul", [before, "matrix"], [after])
                    for before, after in itertools.pairwise(names[1:])
                ),
                helper.make_node("ReduceMax", [names[-1], "axes"], ["y"], keepdims=0),
            ],
            constants={
                "shape": shape,
                "ones": np.ones((1, 1, size), np.float32),
                "matrix": matrix,
                "axes": np.array([1, 2], np.int64),
            },
            reference=lambda x: [x.max(axis=1) * np.float32(0.5) ** (times - 1)],
            examples={"x": np.arange(2 * size, dtype=np.float32).reshape(2, size)},
        )
    ]
