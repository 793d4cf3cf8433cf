"""The rooms of the house: each is imported in a fresh process, and what came along is looked at."""

import json
import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime")


ROOMS = ("keras_models", "train", "export", "serving")


def loaded_by(statement: str, watched: tuple[str, ...] = (*HEAVY, *ROOMS)) -> set[str]:
    """The heavy packages and rooms in memory after a fresh process ran `statement`."""
    found = f"[name for name in {watched} if name in sys.modules]"
    code = f"import sys, json; {statement}; print(json.dumps({found}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_serving_needs_no_training_framework_and_no_other_room():
    assert loaded_by("import serving, serving.model, serving.__main__") <= {
        "serving",
        "onnxruntime",
    }


def test_models_need_no_room_and_no_onnx():
    assert loaded_by("import keras_models; keras_models.get('cnn')") <= {
        "keras_models",
        "tensorflow",
        "keras",
    }


def test_training_never_meets_export_or_serving():
    assert loaded_by("import train.__main__, train.fit") <= {
        "train",
        "keras_models",
        "tensorflow",
        "keras",
    }


@pytest.mark.parametrize("room", ["keras_models", "train", "export", "serving"])
def test_a_room_alone_costs_nothing_heavy(room):
    assert loaded_by(f"import {room}") & set(HEAVY) == set()


def test_verifying_a_bundle_needs_no_tensorflow():
    assert not loaded_by("import export.verify") & {"tensorflow", "keras", "tf2onnx", "onnx"}


def test_a_server_starts_its_workers_before_anything_heavy_and_needs_none_of_it_itself():
    own = "import serving.__main__, serving.serve_command, serving.fleet.supervisor"
    assert loaded_by(own, ("numpy", "onnxruntime", "grpc", "uvloop")) == set()


def test_workers_speak_grpc_without_its_package():
    workers = ("grpc", "onnxruntime")
    assert loaded_by("import serving.fleet.preload", workers) == {"onnxruntime"}
