"""Windows follow one another along each stream, whatever step a run begins at."""

import numpy as np
import pytest

from keras_models.training import TextTraining
from train import corpus, text_pipeline

TRAINING = TextTraining(epochs=3, batch_size=4, window=50)


@pytest.fixture(scope="module")
def data():
    words = np.random.default_rng(0).choice(["one ", "two ", "three ", "four, "], 7000)
    return corpus.split("".join(words), "words")


def windows(data, **where):
    batches = text_pipeline.training_batches(data, TRAINING, seed=5, **where)
    return [(tokens.numpy(), following.numpy()) for tokens, following in batches]


def test_each_row_goes_on_where_it_was(data):
    steps = text_pipeline.steps_per_epoch(data, TRAINING)
    found = windows(data)
    assert len(found) == 3 * steps > 300
    for epoch in range(3):
        rows = np.concatenate(
            [tokens for tokens, _ in found[epoch * steps : (epoch + 1) * steps]], axis=1
        )
        after = np.concatenate(
            [following for _, following in found[epoch * steps : (epoch + 1) * steps]], axis=1
        )
        np.testing.assert_array_equal(rows[:, 1:], after[:, :-1])
        ring = np.tile(data.training, 2).tobytes()
        assert all(row.tobytes() in ring for row in rows)


def test_an_epoch_reads_nearly_all_of_the_text_from_another_beginning(data):
    steps = text_pipeline.steps_per_epoch(data, TRAINING)
    found = windows(data)
    assert steps * TRAINING.batch_size * TRAINING.window > 0.95 * len(data.training)
    assert not np.array_equal(found[0][0], found[steps][0])


def test_a_run_that_goes_on_sees_what_it_would_have_seen(data):
    for expected, actual in zip(windows(data)[7:], windows(data, start_step=7), strict=True):
        np.testing.assert_array_equal(expected, actual)


def test_validation_is_read_in_order_and_nearly_whole(data):
    batches = list(text_pipeline.validation_batches(data, TRAINING))
    rows = np.concatenate([tokens.numpy() for tokens, _ in batches], axis=1)
    assert rows.size > 0.75 * len(data.validation)
    assert data.validation.tobytes().startswith(rows[0].tobytes())


def test_a_short_text_gets_fewer_rows_and_a_shorter_window():
    short = corpus.split("to be, or not to be " * 60, "short")
    asked = TextTraining(batch_size=64, window=4000)
    fitted = text_pipeline.fitted(short, asked)
    tokens = len(short.training)
    assert fitted.window <= tokens // 2
    assert fitted.batch_size * fitted.window <= tokens
    assert len(list(text_pipeline.training_batches(short, fitted, seed=0))) == fitted.epochs
