"""A text generator's bundle: native operators, the same text everywhere, and no value too many."""

import json

import onnx
import pytest
import tensorflow as tf

import serving


@pytest.fixture(scope="module")
def saved(text_bundle):
    return tf.saved_model.load(str(text_bundle)).signatures


def operators(graph):
    """All operators of a graph, those inside loops too."""
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            yield from operators(attribute.g)


def test_layers_are_native_operators_and_only_generation_loops(text_bundle):
    found = {
        path.stem: list(operators(onnx.load(path).graph))
        for path in (text_bundle / "onnx").glob("*.onnx")
    }
    assert set(found) == {"serving_default", "step", "generate"}
    assert all("GRU" in names for names in found.values())
    assert "Loop" not in found["serving_default"] + found["step"]
    assert found["generate"].count("Loop") == 1  # over the tokens that are made


def test_a_hundred_prompts_of_two_hundred_characters_are_proven_equal(text_bundle):
    manifest = json.loads((text_bundle / "bundle.json").read_text())
    proofs = {(p["runtime"], p["signature"]): p for p in manifest["proof"]}
    for runtime in ("savedmodel", "onnx"):
        proof = proofs[runtime, "generate"]
        assert proof["decisions"] >= 100 * 200
        assert proof["decisions_agreeing"] + proof["decisions_tied"] == proof["decisions"]
        assert proof["decisions_tied"] < 0.02 * proof["decisions"]
    assert proofs["savedmodel", "generate_text"]["decisions"] > 10


def numbers(**settings):
    values = {"length": 60, "temperature": 0.9, "top_k": 0, "top_p": 1.0, "seed": 5, **settings}
    dtypes = {"temperature": tf.float32, "top_p": tf.float32, "seed": tf.int64}
    return {name: tf.constant(value, dtypes.get(name)) for name, value in values.items()}


def test_a_tf_serving_client_sends_a_prompt_and_gets_the_text_that_serving_streams(
    saved, text_bundle
):
    prompts = ["import ", "", "ß ∑ 🙂 "]
    answers = saved["generate_text"](prompt=tf.constant(prompts), **numbers())["text"].numpy()
    model = serving.load(text_bundle)
    assert answers[0].decode() == "".join(
        model.stream(prompts[0], length=60, temperature=0.9, seed=5)
    )
    texts = model.predict(
        "generate", prompt=prompts, **{k: v.numpy() for k, v in numbers().items()}
    )
    assert model.readable(texts, "generate")["tokens"] == [one.decode() for one in answers]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"length": 0}, "length must be at least 1"),
        ({"length": 10_000_000}, "length must be at most 100000"),
        ({"temperature": -1.0}, "temperature must be at least 0"),
        ({"temperature": float("nan")}, "temperature must be at least 0"),
        ({"top_k": 100_000}, "top_k must be at most"),
        ({"top_p": 2.0}, "top_p must be at most 1"),
        ({"seed": -3}, "seed must be at least 0"),
    ],
)
def test_the_savedmodel_refuses_numbers_out_of_range(saved, settings, says):
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        saved["generate_text"](prompt=tf.constant(["x"]), **numbers(**settings))


def test_warm_up_requests_hold_prompts(text_bundle):
    records = tf.data.TFRecordDataset(
        str(text_bundle / "assets.extra" / "tf_serving_warmup_requests")
    )
    contents = [record.numpy() for record in records]
    assert any(b"generate_text" in content for content in contents)
    assert any(b"step" in content for content in contents)


def test_the_bundle_verifies_both_ways(run_command, text_bundle):
    done = run_command("keras-verify", text_bundle, "--savedmodel")
    assert done.returncode == 0, done.stderr
    assert "generate_text" in done.stdout
