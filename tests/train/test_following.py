"""What is said while a generator learns: a collapse and a lost game are told, once each."""

import keras
import pytest

from train.following import Following


def watched(figures, logs, every=1):
    """What `Following` says over epochs with these figures; and what it adds to the logs."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    left = list(figures)
    following = Following(
        lambda twin, examples: left.pop(0), None, model, every=every, epochs=len(logs)
    )
    following.set_model(model)
    for epoch, one in enumerate(logs):
        following.on_epoch_end(epoch, one)
    return following


def test_figures_join_the_epochs_own_where_it_was_measured():
    logs = [{}, {}, {}]
    watched([{"coverage": 0.2}, {"coverage": 0.3}], logs, every=2)
    assert logs == [{}, {"val_coverage": 0.2}, {"val_coverage": 0.3}]


def test_a_collapse_is_told_in_words_when_it_begins_and_when_it_comes_again(capsys):
    coverage = [0.3, 0.6, 0.2, 0.1, 0.5, 0.1]
    watched([{"coverage": one} for one in coverage], [{} for _ in coverage])
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == ["epoch 3", "epoch 6"]
    assert "coverage fell from 0.600 to 0.200" in told[0]
    assert "mode collapse" in told[0]
    assert "--gradient-penalty" in told[0]


def test_coverage_that_was_never_there_did_not_fall(capsys):
    watched([{"coverage": 0.02}, {"coverage": 0.0}], [{}, {}])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("real", "fake", "is_told"), [(0.999, 0.995, True), (1.0, 0.7, False)])
def test_a_discriminator_that_wins_outright_is_told(capsys, real, fake, is_told):
    logs = [{"accuracy_real": real, "accuracy_fake": fake} for _ in range(3)]
    watched([{}] * 3, logs)
    told = capsys.readouterr().err
    assert ("the discriminator wins outright" in told) == is_told
    assert told.count("\n") == int(is_told)


def test_what_was_told_is_kept_for_a_run_that_goes_on(capsys):
    before = watched([{"coverage": 0.6}, {"coverage": 0.1}], [{}, {}])
    after = watched([], [])
    after.state = dict(before.state)
    after.follow = lambda twin, examples: {"coverage": 0.1}
    capsys.readouterr()
    after.on_epoch_end(2, {})
    assert capsys.readouterr().err == ""
