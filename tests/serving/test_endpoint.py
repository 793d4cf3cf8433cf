"""`keras-verify --endpoint`: a live server held to what a bundle says Keras computed."""

import pytest

STRINGS = {"cnn": ["classify_image_bytes", "classify"], "text": ["generate_text"]}


def addresses(server):
    return f"http://127.0.0.1:{server.port}", f"grpc://127.0.0.1:{server.grpc_port}"


def test_a_server_that_answers_as_keras_did_passes_over_both_protocols(run_command, server, models):
    for endpoint in addresses(server):
        for model in ("half_plus/123", "sums/1", "pixels/1"):
            done = run_command("keras-verify", models / model, "--endpoint", endpoint)
            assert done.returncode == 0, done.stderr
            assert "endpoint    serving_default" in done.stdout


@pytest.mark.parametrize("family", ["cnn", "text"])
def test_signatures_over_strings_are_held_to_keras_too(
    run_command, start_server, bundle_of, family
):
    bundle = bundle_of(family)
    server = start_server(bundle.parents[1], "--workers", "1", "--queue-ms", "6e5")
    for endpoint in addresses(server):
        done = run_command("keras-verify", bundle, "--endpoint", endpoint)
        assert done.returncode == 0, done.stderr
        assert "is not served there" not in done.stderr
        for signature in STRINGS[family]:
            assert f"endpoint    {signature} " in done.stdout
    assert server.stop() == 0


def test_a_server_that_answers_something_else_is_found_out(
    run_command, server, write_half_plus, tmp_path
):
    other = write_half_plus(tmp_path, 123, 2.5)
    for endpoint in addresses(server):
        done = run_command("keras-verify", other, "--endpoint", endpoint)
        assert done.returncode == 1
        assert "largest error 0.5" in done.stderr


@pytest.mark.parametrize(
    ("endpoint", "code", "says"),
    [
        ("localhost:8501", 2, "is no endpoint"),
        ("http://127.0.0.1:1", 1, "does not answer as a server of models"),
        ("grpc://127.0.0.1:1", 1, "answers UNAVAILABLE"),
    ],
)
def test_what_does_not_answer_is_said_in_one_line(run_command, models, endpoint, code, says):
    done = run_command("keras-verify", models / "sums" / "1", "--endpoint", endpoint)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_the_server_has_not_is_said(run_command, server, write_half_plus, tmp_path):
    other = write_half_plus(tmp_path, 7, 2)
    done = run_command("keras-verify", other, "--endpoint", addresses(server)[0])
    assert done.returncode == 1
    assert "Servable not found for request: Specific(half_plus, 7)" in done.stderr
