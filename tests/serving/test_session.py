"""One graph of a bundle, and the tensors that never reach it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from serving.bundle import Signature, Tensor
from serving.errors import BadInput
from serving.session import Session


def averaging(**settings):
    """The mean over a series' steps, as a stand-in for a recurrent layer's last state."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "time", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    node = helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)
    graph = helper.make_graph([node], "mean", [x], [y], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    signature = Signature(
        name="serving_default",
        summary="The mean over time.",
        runtimes=("onnx",),
        inputs=(Tensor(name="x", dtype="float32", shape=("batch", "time", 4)),),
        outputs=(Tensor(name="y", dtype="float32", shape=("batch", 4)),),
        **settings,
    )
    return Session(onnx.ModelProto.SerializeToString(model), signature)


@pytest.fixture(scope="module")
def session():
    return averaging()


def test_no_series_give_no_answers(session):
    assert session.run({"x": np.zeros((0, 3, 4), np.float32)})["y"].shape == (0, 4)


def test_a_series_of_no_steps_has_no_answer_and_none_is_made_up(session):
    with pytest.raises(BadInput, match="y is computed from at least one time, got none"):
        session.run({"x": np.zeros((2, 0, 4), np.float32)})
    np.testing.assert_array_equal(session.run({"x": np.ones((2, 1, 4), np.float32)})["y"], 1)


def test_a_length_below_the_shortest_that_the_export_found_is_refused():
    session = averaging(shortest={"time": 3})
    with pytest.raises(BadInput, match="time must be at least 3, got 2"):
        session.run({"x": np.zeros((2, 2, 4), np.float32)})
    assert session.run({"x": np.zeros((2, 3, 4), np.float32)})["y"].shape == (2, 4)
