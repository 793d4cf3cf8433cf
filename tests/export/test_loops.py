"""A loop computes in every step what differs from step to step, and nothing else."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers, ops

from export import onnx_file, own_signature
from export.subgraphs import bodies


def loop_of(model, path, steps=None):
    """Exports, compares with Keras, and returns the body of the graph's loop."""
    signature = own_signature.signature_of(model)
    onnx_file.write(signature, path)
    shape = [n if isinstance(n, int) else steps for n in signature.inputs[0].shape[1:]]
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    answers = onnxruntime.InferenceSession(path).run(None, {signature.inputs[0].name: x})
    for answer, expected in zip(answers, keras.tree.flatten(model(x)), strict=True):
        np.testing.assert_allclose(answer, expected, atol=1e-5)
    (loop,) = [node for node in onnx.load(path).graph.node if node.op_type == "Loop"]
    (body,) = bodies(loop)
    return body


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_convolutional_memory_convolves_its_input_once_and_its_state_once(rank, tmp_path):
    sequence = keras.Input((3, *(6,) * rank, 2))
    layer = getattr(layers, f"ConvLSTM{rank}D")(4, 3, bias_initializer="uniform")
    body = loop_of(keras.Model(sequence, layer(sequence)), tmp_path / "model.onnx")
    kinds = [node.op_type for node in body.node]
    assert kinds.count("Conv") == 2
    assert kinds.count("Split") == 1


class Cell(layers.Layer):
    """Elman's, with a kernel that is kept the other way round."""

    state_size = output_size = 3

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, shape[-1]), name="kernel")

    def call(self, inputs, states):
        after = ops.tanh(ops.matmul(inputs, ops.transpose(self.kernel)) + states[0])
        return after, [after]


def test_weights_are_read_from_outside_and_turned_there(tmp_path):
    sequence = keras.Input((None, 4))
    layer = layers.RNN(Cell(), return_sequences=True)
    body = loop_of(keras.Model(sequence, layer(sequence)), tmp_path / "model.onnx", steps=5)
    copied = {name for node in body.node if node.op_type == "Identity" for name in node.input}
    assert not copied & {one.name for one in body.input}
    assert "Transpose" not in {node.op_type for node in body.node}


def test_what_a_loop_only_hands_on_is_given_all_the_same(tmp_path):
    class Halving(layers.Layer):
        def call(self, x):
            scale = ops.abs(x) + 1.0
            return ops.while_loop(
                lambda x, scale: ops.max(ops.abs(x)) > 0.5,
                lambda x, scale: (x / scale / 2.0, scale),
                (x, scale),
            )

    x = keras.Input((4,))
    loop_of(keras.Model(x, Halving()(x)), tmp_path / "model.onnx")


def test_a_loop_in_a_loop_is_relieved_too(tmp_path):
    class Twice(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(4, 4), name="kernel")

        def call(self, x):
            def outer(i, x):
                return i + 1, ops.while_loop(
                    lambda j, x: j < 2,
                    lambda j, x: (j + 1, ops.tanh(ops.matmul(x, ops.transpose(self.kernel)))),
                    (0, x),
                )[1]

            return ops.while_loop(lambda i, x: i < 3, outer, (0, x))[1]

    x = keras.Input((4,))
    body = loop_of(keras.Model(x, Twice()(x)), tmp_path / "model.onnx")
    (inner,) = [one for node in body.node for one in bodies(node)]
    assert "Transpose" not in {node.op_type for node in (*body.node, *inner.node)}
