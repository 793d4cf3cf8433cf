"""Training as it is watched: the real TensorBoard on a real run, by its data and in a browser."""

import json
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

import numpy as np
import pytest

SIDES = ("train", "validation")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def board(digits_run, text_run, tmp_path_factory):
    """The address of a TensorBoard that shows two runs, `digits` and `python`."""
    runs = tmp_path_factory.mktemp("watched")
    for run in (digits_run, text_run):
        shutil.copytree(run / "logs", runs / run.name / "logs")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tensorboard.main",
            "--logdir",
            runs,
            "--port",
            "0",
            "--host",
            "127.0.0.1",
            "--load_fast=false",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            break
    yield found.group()
    process.terminate()
    process.wait()
    process.stderr.close()


def ask(board, path, body=None, **query):
    """Reads TensorBoard's own data API; it answers empty until it has read the files."""
    address = f"{board}/data/{path}?{urllib.parse.urlencode(query)}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


@pytest.fixture(scope="module")
def scalars(board):
    """Tags by run and tag, asked for until the files are read."""
    sides = {f"{run}/logs/{side}" for run in ("digits", "python") for side in SIDES}
    tags = {}
    while not sides <= set(tags):
        tags = ask(board, "plugin/scalars/tags")
    return tags


def test_train_and_validation_curves_lie_over_each_other(board, scalars):
    for run in ("digits/logs/train", "digits/logs/validation"):
        assert {"epoch_loss", "epoch_accuracy"} <= set(scalars[run])
        points = ask(board, "plugin/scalars/scalars", run=run, tag="epoch_accuracy")
        assert [step for _, step, _ in points] == [1, 2, 3, 4, 5, 6]
        assert points[-1][2] > points[0][2]


def test_the_learning_rate_speed_and_gradients_are_there(board, scalars):
    train = scalars["digits/logs/train"]
    assert {"learning_rate", "examples_per_second"} <= set(train)
    rates = ask(board, "plugin/scalars/scalars", run="digits/logs/train", tag="learning_rate")
    assert rates[-1][2] < rates[1][2]
    norms = [tag for tag in scalars["digits/logs/validation"] if tag.startswith("gradient_norm/")]
    assert "gradient_norm/stage1_convolution1" in norms
    assert "gradient_norm/logits" in norms


def test_pictures_show_confusions_mistakes_kernels_and_feature_maps(board, scalars):
    images = ask(board, "plugin/images/tags")["digits/logs/validation"]
    assert {
        "confusion_matrix",
        "worst_mistakes",
        "kernels/stage1_convolution1",
        "feature_maps/stage1_convolution1",
    } <= set(images)


def test_weights_have_histograms_and_the_graph_is_drawn(board, scalars):
    weights = ask(board, "plugin/histograms/tags")["digits/logs/validation"]
    assert "weights/logits" in weights
    graphs = ask(board, "plugin/graphs/info")
    assert graphs["digits/logs/train"]["run_graph"]


def test_settings_and_results_are_in_the_hparams_tab(board, scalars, digits_run):
    experiment = ask(board, "plugin/hparams/experiment", {"experimentName": "", "hparamsLimit": 0})
    names = {info["name"] for info in experiment["hparamInfos"]}
    assert {"learning_rate", "batch_size", "filters", "data", "seed"} <= names
    metrics = {info["name"]["tag"] for info in experiment["metricInfos"]}
    assert "test/accuracy" in metrics


def test_a_resumed_run_goes_on_in_the_same_curves(run_command, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tmp_path / "run"
    flags = ["--epochs", "30", "--filters", "2", "--units", "0"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "train", "cnn", "--run", run, *flags],
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if line.startswith("epoch 3/"):
            break
    process.terminate()
    process.communicate()
    assert run_command("keras-train", "cnn", "--run", run, "--resume").returncode == 0
    read = EventAccumulator(str(run / "logs" / "train"), size_guidance={"tensors": 0})
    read.Reload()
    steps = [event.step for event in read.Tensors("epoch_loss")]
    assert steps == list(range(1, 31))


def test_a_text_generator_is_heard_and_looked_into(board, scalars, text_run):
    assert {"epoch_loss", "epoch_bits_per_token"} <= set(scalars["python/logs/train"])
    side = "python/logs/validation"
    assert {"epoch_bits_per_token", "gradient_norm/recurrent_1/gru_cell"} <= set(scalars[side])
    texts = ask(board, "plugin/text/tags")[side]
    for temperature in (0.5, 0.8, 1.0):
        assert f"sample/temperature_{temperature}" in texts
    (sample, *_) = ask(board, "plugin/text/text", run=side, tag="sample/temperature_0.5")
    assert "▶" in sample["text"]  # between what it was given and what it wrote
    assert len(sample["text"].partition("▶")[2]) > 100
    histograms = ask(board, "plugin/histograms/tags")[side]
    assert {"gates/recurrent_1/update", "gates/recurrent_1/reset"} <= set(histograms)
    assert "weights/recurrent_1/gru_cell/recurrent_kernel" in histograms


def test_the_projector_shows_where_characters_lie(board, scalars):
    assert ask(board, "plugin/projector/runs") == ["python/logs/validation"]
    (info,) = ask(board, "plugin/projector/info", run="python/logs/validation")["embeddings"]
    assert info["tensorShape"][1] == 32
    address = f"{board}/data/plugin/projector/metadata?" + urllib.parse.urlencode(
        {"run": "python/logs/validation", "name": info["tensorName"]}
    )
    with urllib.request.urlopen(address) as reply:
        names = reply.read().decode().splitlines()
    assert len(names) == info["tensorShape"][0]
    assert "'e'" in names


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
@pytest.mark.slow
def test_the_page_shows_the_curves_in_a_browser(board, scalars, tmp_path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{board}/#timeseries")
        page.get_by_text("epoch_accuracy", exact=True).first.wait_for()
        page.goto(f"{board}/#images")
        page.locator("img[src*='individualImage']").first.wait_for()
        shot = page.screenshot(path=tmp_path / "images.png")
        browser.close()
    assert len(shot) > 10_000


def test_examples_per_second_is_a_speed(board, scalars):
    points = ask(
        board, "plugin/scalars/scalars", run="digits/logs/train", tag="examples_per_second"
    )
    assert np.all(np.array([value for _, _, value in points]) > 10)
