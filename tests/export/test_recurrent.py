"""Recurrent layers as ONNX's own operators: no Loop, and what Keras computes."""

import itertools

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from export import onnx_file
from keras_models import recurrent
from keras_models.signature import Signature, Tensor

OPERATORS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}
ALL = {"return_sequences": True}


def exported(model, path, samples):
    """Returns the operators of the ONNX file, and its largest difference from Keras."""
    inputs, outputs = samples.shape[1:], model.output_shape[1:]
    signature = Signature(
        name="serving_default",
        summary="A recurrent network.",
        function=lambda x: {"y": model(x, training=False)},
        inputs=(Tensor(name="x", dtype=str(samples.dtype), shape=("batch", "time", inputs[-1])),),
        outputs=(
            Tensor(
                name="y",
                dtype=str(samples.dtype),
                shape=("batch", *("time" if n is None else n for n in outputs)),
            ),
        ),
    )
    onnx_file.write(signature, path / "model.onnx")
    graph = onnx.load(path / "model.onnx").graph
    session = onnxruntime.InferenceSession(path / "model.onnx")
    worst = 0.0
    for batch, time in itertools.product((1, 3), (1, 7)):
        x = samples[:batch, :time]
        (y,) = session.run(None, {"x": x})
        expected = np.asarray(model(x))
        assert y.shape == expected.shape
        assert np.ptp(expected) > 1e-3
        worst = max(worst, float(np.abs(y - expected).max()))
    return [node.op_type for node in graph.node], worst


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(3, 7, 4)).astype(np.float32)


def network(*stack):
    model = keras.Sequential([keras.Input((None, 4)), *stack])
    random = np.random.default_rng(1)
    model.set_weights([random.normal(scale=0.4, size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("module", [layers, recurrent], ids=["keras", "scanned"])
@pytest.mark.parametrize("kind", OPERATORS)
def test_each_layer_is_one_native_operator(kind, module, samples, tmp_path):
    layer = getattr(module, kind)
    operators, worst = exported(network(layer(5, **ALL), layer(6)), tmp_path, samples)
    assert operators.count(OPERATORS[kind]) == 2
    assert "Loop" not in operators
    assert worst < 1e-6


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("GRU", {"reset_after": False}),
        ("GRU", {"use_bias": False}),
        ("LSTM", {"go_backwards": True}),
        ("LSTM", {"activation": "relu", "recurrent_activation": "hard_sigmoid"}),
        ("GRU", {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}),
        ("SimpleRNN", {"activation": "relu"}),
        ("SimpleRNN", {"activation": "linear", "use_bias": False}),
        ("SimpleRNN", {"activation": "elu"}),
        ("SimpleRNN", {"activation": "leaky_relu"}),
        ("LSTM", {"unroll": False, "dropout": 0.5, "recurrent_dropout": 0.5}),
    ],
)
def test_settings_that_onnx_has_stay_native(kind, settings, samples, tmp_path):
    layer = getattr(layers, kind)(5, **ALL, **settings)
    operators, worst = exported(network(layer), tmp_path, samples)
    assert operators.count(OPERATORS[kind]) == 1
    assert "Loop" not in operators
    assert worst < 2e-6


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("kind", OPERATORS)
def test_both_directions_are_one_operator_each(kind, merge, samples, tmp_path):
    layer = layers.Bidirectional(getattr(layers, kind)(5, **ALL), merge_mode=merge)
    operators, worst = exported(network(layer), tmp_path, samples)
    assert operators.count(OPERATORS[kind]) == 2
    assert "Loop" not in operators
    assert worst < 1e-6


def test_states_go_in_and_come_out(samples, tmp_path):
    inputs = keras.Input((None, 4))
    _, *states = layers.LSTM(5, return_state=True)(inputs)
    outputs = layers.LSTM(5, **ALL)(inputs, initial_state=states)
    operators, worst = exported(keras.Model(inputs, outputs), tmp_path, samples)
    assert operators.count("LSTM") == 2
    assert worst < 1e-6


def test_an_activation_that_onnx_lacks_keeps_its_loop(samples, tmp_path):
    operators, worst = exported(network(layers.GRU(5, activation="gelu")), tmp_path, samples)
    assert "GRU" not in operators
    assert "Loop" in operators
    assert worst < 1e-6


@pytest.mark.parametrize("kind", OPERATORS)
@pytest.mark.parametrize("settings", [{}, ALL, {"go_backwards": True}, {**ALL, "units": 3}])
def test_a_mask_is_obeyed_without_a_loop_wherever_its_holes_are(kind, settings, samples, tmp_path):
    samples[1, 2:] = 0  # padded at the end
    samples[2, [0, 3, 4]] = 0  # and with holes
    layer = getattr(layers, kind)(**{"units": 5, **settings})
    operators, worst = exported(network(layers.Masking(), layer), tmp_path, samples)
    assert operators.count(OPERATORS[kind]) == 1
    assert "Loop" not in operators
    assert worst < 1e-6


@pytest.mark.parametrize("kind", OPERATORS)
def test_a_state_of_zeros_costs_no_operator(kind, samples, tmp_path):
    operators, _ = exported(network(getattr(layers, kind)(5)), tmp_path, samples)
    assert operators == ["Transpose", OPERATORS[kind], "Squeeze"]


@pytest.mark.parametrize("kind", OPERATORS)
@pytest.mark.parametrize("settings", [{}, {"zero_output_for_mask": True}])
def test_a_sample_of_which_no_step_counts_keeps_the_state_that_it_was_given(
    kind, settings, samples, tmp_path
):
    samples[1] = 0
    inputs = keras.Input((None, 4))
    cell = getattr(layers, f"{kind}Cell")(5)
    _, *states = layers.RNN(cell, return_state=True)(inputs)
    second = layers.RNN(getattr(layers, f"{kind}Cell")(5), return_state=True, **settings)
    masked = layers.Masking()(inputs)
    outputs = layers.Concatenate()(second(masked, initial_state=states))
    operators, worst = exported(keras.Model(inputs, outputs), tmp_path, samples)
    assert operators.count(OPERATORS[kind]) == 2
    assert worst < 1e-6


def test_afterwards_keras_is_as_it_was(samples, tmp_path):
    before = keras.layers.LSTM.inner_loop
    exported(network(layers.LSTM(5)), tmp_path, samples)
    assert keras.layers.LSTM.inner_loop is before


@pytest.mark.parametrize("settings", [{}, {"use_bias": False, "go_backwards": True}], ids=str)
def test_an_lstm_of_float64_keeps_its_loop_for_onnx_runtime_has_no_other(
    settings, samples, tmp_path
):
    x = keras.Input((None, 4), dtype="float64")
    model = keras.Model(x, layers.LSTM(5, dtype="float64", **settings)(x))
    kinds, worst = exported(model, tmp_path, samples.astype(np.float64))
    assert "Loop" in kinds
    assert "LSTM" not in kinds
    assert worst < 1e-12


REVERSALS = {"Slice", "ReverseSequence"}


@pytest.mark.parametrize("kind", OPERATORS)
def test_what_runs_backwards_and_is_turned_round_again_is_never_reversed(kind, samples, tmp_path):
    layer = layers.Bidirectional(getattr(layers, kind)(5, **ALL))
    operators, worst = exported(network(layer), tmp_path, samples)
    assert not REVERSALS & set(operators)
    assert worst < 1e-6


def test_what_is_needed_in_both_orders_is_reversed_once(samples, tmp_path):
    x = keras.Input((None, 4))
    backwards = layers.GRU(5, **ALL, go_backwards=True)(x)
    turned = keras.ops.flip(backwards, axis=1)
    model = keras.Model(x, layers.Concatenate()([backwards, turned]))
    operators, worst = exported(model, tmp_path, samples)
    assert "ReverseSequence" not in operators
    assert "Slice" in operators
    assert worst < 1e-6


@pytest.mark.parametrize("kind", OPERATORS)
def test_both_directions_over_a_mask_compact_their_input_once(kind, samples, tmp_path):
    samples[1, 2:] = 0
    samples[2, [0, 3, 4]] = 0
    layer = layers.Bidirectional(getattr(layers, kind)(5, **ALL))
    operators, worst = exported(network(layers.Masking(), layer), tmp_path, samples)
    assert operators.count("ScatterElements") == 1
    assert not REVERSALS & set(operators)
    assert worst < 1e-6


@pytest.mark.parametrize("settings", [{}, {"zero_output_for_mask": True}], ids=str)
def test_masked_steps_of_what_runs_backwards_answer_as_keras_does(settings, samples, tmp_path):
    samples[0, [2, 3, 6]] = 0
    samples[1, :2] = 0
    samples[2] = 0
    layer = layers.RNN(layers.GRUCell(5), **ALL, go_backwards=True, **settings)
    kinds, worst = exported(network(layers.Masking(), layer), tmp_path, samples)
    assert kinds.count("GRU") == 1
    assert worst < 1e-6


def test_reversing_several_axes_is_one_slice(samples, tmp_path):
    x = keras.Input((None, 4))
    model = keras.Model(x, keras.ops.flip(x, axis=(0, 1, -1)))
    operators, worst = exported(model, tmp_path, samples)
    assert operators == ["Slice"]
    assert worst == 0
