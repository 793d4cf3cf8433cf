"""A SavedModel that does more than compute is refused by the operator's name, and not loaded."""

import pytest
import tensorflow as tf

from export import savedmodel_operators

TEXT = tf.TensorSpec([], tf.string, name="path")


def reads(path):
    return {"content": tf.io.read_file(path)}


def writes(path):
    with tf.control_dependencies([tf.io.write_file(path, "harm")]):
        return {"path": tf.identity(path)}


def runs_python(path):
    return {"path": tf.py_function(lambda value: value, [path], tf.string)}


def lists_files(path):
    return {"files": tf.io.matching_files(path)}


def prints(path):
    with tf.control_dependencies([tf.print(path)]):
        return {"path": tf.identity(path)}


def reads_in_a_branch(path):
    return {"y": tf.cond(tf.strings.length(path) > 3, lambda: tf.io.read_file(path), lambda: path)}


@pytest.mark.parametrize(
    ("harm", "operator"),
    [
        (reads, "ReadFile"),
        (writes, "WriteFile"),
        (runs_python, "EagerPyFunc"),
        (lists_files, "MatchingFiles"),
        (prints, "PrintV2"),
        (reads_in_a_branch, "ReadFile"),
    ],
)
def test_what_reaches_out_is_refused_by_name(harm, operator, tmp_path):
    function = tf.function(harm).get_concrete_function(TEXT)
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures=function)
    said = savedmodel_operators.refusal(tmp_path)
    assert f"signature 'serving_default' runs {operator}, which no model needs" in said


def test_an_operator_that_nobody_knows_is_refused(tmp_path):
    function = tf.function(lambda path: {"y": tf.strings.lower(path)}).get_concrete_function(TEXT)
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures=function)
    content = (tmp_path / "saved_model.pb").read_bytes()
    (tmp_path / "saved_model.pb").write_bytes(content.replace(b"StringLower", b"StringHarms"))
    assert "runs StringHarms" in savedmodel_operators.refusal(tmp_path)


def test_what_is_no_savedmodel_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 100)
    assert savedmodel_operators.refusal(tmp_path).endswith("is no SavedModel")


@pytest.mark.parametrize("family", ["cnn", "gan", "text"])
def test_our_own_are_let_pass(family, bundle_of):
    assert savedmodel_operators.refusal(bundle_of(family)) is None
