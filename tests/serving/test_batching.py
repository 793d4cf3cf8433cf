"""Requests put together: each gets its own answer, whoever it was computed with."""

import asyncio
import time

import numpy as np
import pytest

import serving
from serving import bundle, golden, integrity
from serving.errors import BadInput, DeadlineExceeded, Overloaded
from serving.running import padding
from serving.running.batching import Batcher
from serving.running.limits import Limits


class Seen:
    """What was computed, batch by batch."""

    def __init__(self):
        self.rows = []
        self.is_one_alone = False

    def is_lone(self):
        return self.is_one_alone

    def ran(self, rows, waited_seconds, seconds):
        self.rows.append(rows)
        assert len(waited_seconds) >= 1
        assert seconds > 0


def batcher(models, name, **limits):
    seen = Seen()
    session = serving.load(models / name).session("serving_default")
    return Batcher(session, Limits(**{"budget_seconds": 1e6, **limits}), seen), seen


def padding_of(folder):
    model = serving.load(folder)
    content = integrity.read_checked(model.folder, model.manifest, bundle.REFERENCE)
    return padding.find(model.session("serving_default"), golden.from_bytes(content))


def answers(batcher, *requests):
    async def ask():
        return await asyncio.gather(
            *(batcher.answer(request) for request in requests), return_exceptions=True
        )

    return asyncio.run(ask())


def test_requests_at_the_same_time_are_one_batch_with_an_answer_for_each(models):
    one, seen = batcher(models, "half_plus")
    asked = [np.arange(n, dtype=np.float32) for n in (1, 3, 2, 5)]
    for x, answer in zip(asked, answers(one, *({"x": x} for x in asked)), strict=True):
        np.testing.assert_array_equal(answer["y"], x / 2 + 3)
    assert seen.rows == [11]


@pytest.mark.parametrize("is_lone", [True, False])
def test_only_a_lone_request_is_computed_before_others_could_join_it(models, is_lone):
    one, seen = batcher(models, "half_plus")
    one.expect(1e-6)
    seen.is_one_alone = is_lone
    turns = []

    async def ask():
        asyncio.get_running_loop().call_soon(turns.append, "another turn of the loop")
        answer = await one.answer({"x": np.ones(2, np.float32)})
        return answer, list(turns)

    answer, before = asyncio.run(ask())
    np.testing.assert_array_equal(answer["y"], [3.5, 3.5])
    assert bool(before) != is_lone


def test_no_batch_has_more_rows_than_allowed_but_a_single_request_may(models):
    one, seen = batcher(models, "half_plus", most_rows=4)
    answers(one, *({"x": np.zeros(n, np.float32)} for n in (3, 3, 1, 9)))
    assert sorted(seen.rows) == [3, 4, 9]


def test_requests_of_different_lengths_are_not_mixed(models):
    one, seen = batcher(models, "series")
    asked = [np.ones((1, 2), np.float32), np.ones((2, 3), np.float32), np.ones((1, 2), np.float32)]
    for answer in answers(one, *({"x": x} for x in asked)):
        np.testing.assert_array_equal(answer["y"], 1)
    assert sorted(seen.rows) == [2, 2]


@pytest.mark.parametrize("name", ["so_far", "masked"])
def test_requests_of_different_lengths_are_filled_up_where_that_changes_nothing(models, name):
    one, seen = batcher(models, name)
    one.padding = padding_of(models / name)
    random = np.random.default_rng(1)
    asked = [random.integers(0, 9, [rows, time]) for rows, time in ((1, 5), (2, 8), (1, 10))]
    asked = [{"x": x.astype(np.float32)} for x in asked]
    together = answers(one, *asked)
    assert seen.rows == [4]
    for request, answer in zip(asked, together, strict=True):
        (alone,) = answers(one, request)
        np.testing.assert_array_equal(answer["y"], alone["y"])
    long = {"x": np.ones((1, 11), np.float32)}  # more than twice as long as the first
    answers(one, asked[0], long)
    assert seen.rows[-2:] == [1, 1]


def test_lengths_that_change_an_answer_are_never_filled_up(models):
    assert padding_of(models / "series") is None


def test_a_wrong_request_does_not_spoil_the_others(models):
    one, _ = batcher(models, "half_plus")
    good, wrong = {"x": np.ones(1, np.float32)}, {"x": np.ones((1, 1), np.float32)}
    first, second, third = answers(one, good, wrong, good)
    assert isinstance(second, BadInput)
    assert first["y"] == third["y"] == [3.5]


def test_no_rows_are_answered_without_onnx_runtime(models):
    one, seen = batcher(models, "half_plus")
    (answer,) = answers(one, {"x": np.zeros(0, np.float32)})
    assert answer["y"].shape == (0,)
    assert seen.rows == []


def test_what_would_come_too_late_is_refused_at_once_and_the_rest_is_answered(models):
    one, _ = batcher(models, "slow", budget_seconds=0.001)
    row = {"x": np.ones((1, 250), np.float32)}
    answers(one, row)  # now it is known what a row costs
    found = answers(one, *[row] * 40)
    refused = [answer for answer in found if isinstance(answer, Overloaded)]
    assert 0 < len(refused) < 40
    assert all("y" in answer for answer in found if answer not in refused)


def test_a_request_is_let_in_only_as_long_as_one_row_of_it_could_come_in_time(models):
    one, _ = batcher(models, "slow", budget_seconds=0.001)
    row = {"x": np.ones((1, 250), np.float32)}
    rows = {"x": np.ones((4, 250), np.float32)}

    async def ask():
        await one.answer(row)
        one.admit()
        asked = asyncio.ensure_future(one.answer(rows))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            one.admit()
        await asked
        one.admit()

    asyncio.run(ask())


def test_a_deadline_that_has_passed_is_not_computed(models):
    one, seen = batcher(models, "half_plus")

    async def ask():
        await one.answer({"x": np.zeros(1, np.float32)}, time.monotonic() - 1)

    with pytest.raises(DeadlineExceeded):
        asyncio.run(ask())
    assert seen.rows == []


def test_a_request_whose_client_has_gone_is_not_computed(models):
    one, seen = batcher(models, "slow")

    async def ask():
        row = {"x": np.ones((1, 250), np.float32)}
        await one.answer(row)
        first = asyncio.ensure_future(one.answer(row))
        await asyncio.sleep(0)
        gone = [asyncio.ensure_future(one.answer(row)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        await first
        await one.answer(row)

    asyncio.run(ask())
    assert sum(seen.rows) == 3
