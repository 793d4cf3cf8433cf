"""What was built of drop-in layers loads where only Keras is, and answers the same."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_models import recurrent
from keras_models.dropout import Dropout
from keras_models.plain_keras import in_plain_keras

CODE = (
    "import keras, numpy as np, sys; place = sys.argv[1]; "
    "model = keras.saving.load_model(place + '/model.keras'); "
    "np.save(place + '/answer.npy', model(np.load(place + '/samples.npy')))"
)


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_a_copy_loads_in_a_process_without_our_code(kind, tmp_path):
    samples = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    inputs = keras.Input((None, 4))
    layer = getattr(recurrent, kind)(6, go_backwards=True, weight_dropout=0.5)
    outputs = Dropout(0.5)(layer(inputs))
    model = keras.Model(inputs, outputs)
    copy = in_plain_keras(model)
    copy.set_weights(model.get_weights())
    assert [type(layer).__module__.split(".")[0] for layer in copy.layers] == ["keras"] * 3
    copy.save(tmp_path / "model.keras")
    np.save(tmp_path / "samples.npy", samples)
    subprocess.run([sys.executable, "-I", "-c", CODE, str(tmp_path)], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "answer.npy"), model(samples), atol=1e-6)
