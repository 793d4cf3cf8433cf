"""TF Serving's own way through a bundle: its loader, its warm-up records, every signature."""

import json
import subprocess
import sys

import pytest

import keras_models

WITHOUT_KERAS = """
import json, sys
sys.modules["keras"] = None
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

def shape_fits(array, info):
    dims = [dim.size for dim in info.tensor_shape.dim]
    return len(dims) == array.ndim and all(a in (-1, b) for a, b in zip(dims, array.shape))

told = {}
for folder in sys.argv[1:]:
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        signatures = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder).signature_def
        answered = set()
        path = folder + "/assets.extra/tf_serving_warmup_requests"
        for record in tf.compat.v1.io.tf_record_iterator(path):
            log = PredictionLog.FromString(record)
            request = log.predict_log.request
            signature = signatures[request.model_spec.signature_name]
            given = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
            assert set(given) == set(signature.inputs)
            assert all(shape_fits(given[n], info) for n, info in signature.inputs.items())
            feed = {signature.inputs[name].name: value for name, value in given.items()}
            fetch = {name: info.name for name, info in signature.outputs.items()}
            for name, value in session.run(fetch, feed).items():
                info = signature.outputs[name]
                expected = tf.as_dtype(info.dtype).as_numpy_dtype
                assert value.dtype == expected, (name, value.dtype)
                assert shape_fits(value, info)
            answered.add((log.WhichOneof("log_type"), request.model_spec.signature_name))
        told[folder] = {
            "answered": sorted(answered),
            "declared": sorted(n for n in signatures if not n.startswith("__saved_model")),
        }
assert not any(name.split(".")[0] == "keras" and found for name, found in sys.modules.items())
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(bundle_of):
    """What a process without Keras saw in every family's bundle, by family."""
    folders = {family: str(bundle_of(family)) for family in keras_models.FAMILIES}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_KERAS, *folders.values()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return {family: found[folder] for family, folder in folders.items()}


@pytest.mark.parametrize("family", keras_models.FAMILIES)
def test_every_signature_answers_its_warm_up_requests_without_keras(told, family):
    answered = dict(reversed(one) for one in told[family]["answered"])
    assert answered == dict.fromkeys(told[family]["declared"], "predict_log")
