"""The comparison finds what it is there to find."""

import numpy as np
import pytest

from serving import golden
from serving.golden import Case


def case(outputs, name="real_3"):
    return Case(
        signature="s",
        name=name,
        inputs={"x": np.zeros((3, 2), np.float32)},
        outputs={"y": np.asarray(outputs, np.float32)},
    )


GOOD = [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]


def judged(expected, actual):
    actual = np.asarray(actual, np.float32)
    return golden.judge("onnx", [case(expected)], lambda *_: {"y": actual})


def test_equal_outputs_have_no_fault():
    verdict = judged(GOOD, GOOD)
    assert verdict.faults == ()
    assert verdict.proofs[0].decisions == verdict.proofs[0].decisions_agreeing == 3
    assert verdict.proofs[0].spread == pytest.approx(0.8)


def test_an_error_is_judged_against_the_spread():
    assert judged(GOOD, np.add(GOOD, 1e-6)).faults == ()
    fault = judged(GOOD, np.add(GOOD, 1e-3)).faults[0]
    assert "largest error 0.001 is 0.00125 of the spread 0.8" in fault


def test_no_error_is_smaller_than_what_numbers_of_that_size_are_rounded_by():
    alike = np.full((3, 2), 0.1) + np.arange(6).reshape(3, 2) * 1e-6
    assert judged(alike, np.add(alike, 3e-8)).faults == ()  # 4 units in the last place
    assert judged(alike, np.add(alike, 3e-7)).faults


def test_a_changed_decision_is_a_fault_however_small_the_error():
    close = [[0.5, 0.500001], [0.0, 1.0], [1.0, 0.0]]
    other = [[0.500001, 0.5], [0.0, 1.0], [1.0, 0.0]]
    assert "1 of 3 decisions differ" in judged(close, other).faults[0]


def test_a_decision_within_the_last_bits_is_counted_as_a_tie():
    close = [[0.5, 0.5000001], [0.0, 1.0], [1.0, 0.0]]
    other = [[0.5000001, 0.5], [0.0, 1.0], [1.0, 0.0]]
    verdict = judged(close, other)
    assert verdict.faults == ()
    assert verdict.proofs[0].decisions_agreeing == 2
    assert verdict.proofs[0].decisions_tied == 1


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 2), np.float32),
        np.full((3, 2), np.nan, np.float32),
        np.zeros((3, 2), np.int64),
    ],
)
def test_another_shape_type_or_nan_is_a_fault(wrong):
    assert golden.judge("onnx", [case(GOOD)], lambda *_: {"y": wrong}).faults


def test_a_missing_output_is_a_fault():
    assert golden.judge("onnx", [case(GOOD)], lambda *_: {}).faults


def test_nan_in_the_same_places_is_no_fault():
    nan = [[np.nan, 0.9], [0.8, 0.2], [0.3, 0.7]]
    assert judged(nan, nan).faults == ()


def test_outputs_alike_for_every_input_are_flat():
    assert golden.is_flat([case([[0.1, 0.9]] * 3)], "y")
    assert not golden.is_flat([case(GOOD)], "y")


def test_cases_survive_the_file(tmp_path):
    with (tmp_path / "r.npz").open("wb") as file:
        np.savez(file, **golden.to_arrays([case(GOOD)]))
    (back,) = golden.from_bytes((tmp_path / "r.npz").read_bytes())
    np.testing.assert_array_equal(back.outputs["y"], np.float32(GOOD))
    assert (back.signature, back.name) == ("s", "real_3")


def test_another_width_of_number_is_a_fault():
    verdict = golden.judge("onnx", [case(GOOD)], lambda *_: {"y": np.array(GOOD, np.float64)})
    assert "expected float32 [3, 2], got float64 [3, 2]" in verdict.faults[0]


def test_infinities_of_the_other_sign_are_a_fault():
    assert judged([[np.inf, 0], [0, 1], [1, 0]], [[-np.inf, 0], [0, 1], [1, 0]]).faults


def test_invented_inputs_are_judged_against_what_they_bring_about():
    cases = [case(GOOD), case([[1e6, 0], [0, 1e6], [0, 0]], name="largest")]
    off = {"real_3": 0.0, "largest": 0.1}  # a float32 near 1e6 is known to 0.06
    answers = iter([{"y": c.outputs["y"] + np.float32(off[c.name])} for c in cases])
    verdict = golden.judge("onnx", cases, lambda *_: next(answers))
    assert verdict.faults == ()
    assert verdict.proofs[0].largest_relative_error == pytest.approx(1e-7, rel=0.5)


def quantized(actual, most):
    actual = np.asarray(actual, np.float32)
    return golden.judge("onnx", [case(GOOD)], lambda *_: {"y": actual}, errors={"s": most})


def test_a_quantized_graph_is_held_to_the_error_that_was_measured():
    rough = [[0.15, 0.85], [0.75, 0.25], [0.55, 0.45]]  # the last decides otherwise
    verdict = quantized(rough, most=0.3)
    assert verdict.faults == ()
    assert verdict.proofs[0].runtime == "onnx int8"
    assert (verdict.proofs[0].decisions, verdict.proofs[0].decisions_agreeing) == (3, 2)
    assert "onnx int8 s: root-mean-square error" in quantized(rough, most=0.1).faults[0]


@pytest.mark.parametrize(
    "wrong", [np.full((3, 2), np.nan, np.float32), np.zeros((2, 2), np.float32)]
)
def test_a_quantized_graph_must_still_answer_in_shape_and_in_numbers(wrong):
    assert quantized(wrong, most=10.0).faults
