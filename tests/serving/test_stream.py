"""Text as it is made: the same as in one call, in pieces that are whole characters."""

import itertools

import numpy as np
import pytest

import serving
from serving import characters
from serving.errors import BadInput, NotFound
from serving.sampling import Sampling
from serving.session import Session
from serving.stream import Generation, stream

PROMPTS = ["The statement", "if x:\n", "", "ünknown ☃", "0"]


@pytest.fixture(scope="module")
def model(text_bundle):
    return serving.load(text_bundle)


def generated(model, prompts, length, **settings):
    """Whole texts in one call."""
    numbers = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0, **settings}
    answers = model.predict("generate", prompt=prompts, length=length, **numbers)
    return model.readable(answers, "generate")["tokens"]


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.0}, {"temperature": 0.7, "top_k": 5}, {"top_p": 0.8, "seed": 2**40}],
)
def test_a_stream_is_what_one_call_generates(model, prompt, settings):
    streamed = "".join(model.stream(prompt, length=300, **settings))
    assert [streamed] == generated(model, [prompt], 300, **settings)


def test_pieces_come_one_by_one_and_are_characters(model):
    pieces = list(itertools.islice(model.stream("def ", length=10**6), 50))
    assert len(pieces) == 50
    assert all(len(piece) == 1 for piece in pieces)


def test_prompts_of_different_lengths_are_one_batch(model):
    together = generated(model, ["The statement", "if"], 40)
    assert together[0] == generated(model, ["The statement"], 40)[0]
    assert together[1] != together[0]


def test_a_text_is_put_away_and_gone_on_with(model):
    session, sampling = model.session("step"), Sampling(temperature=0.9, seed=11)
    prompt = np.arange(20, 30)
    whole = Generation(session)
    whole.read(prompt)
    expected = [whole.next_token(sampling) for _ in range(600)]
    first = Generation(session)
    first.read(prompt)
    begun = [first.next_token(sampling) for _ in range(250)]
    second = Generation(session, place=first.place)
    second.restore(first.states, first.logits)
    assert begun + [second.next_token(sampling) for _ in range(350)] == expected


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"length": 0}, "length must be between 1 and 1000000, got 0"),
        ({"length": 10_000_000}, "length must be between 1 and 1000000, got 10000000"),
        ({"temperature": -1.0}, "temperature must be between 0 and 100, got -1.0"),
        ({"temperature": float("nan")}, "temperature must be between 0 and 100, got nan"),
        ({"top_k": 10_000}, "top_k must be between 0 and"),
        ({"top_p": 1.5}, "top_p must be between 0 and 1, got 1.5"),
        ({"seed": -1}, "seed must be between 0 and"),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_made(model, settings, says):
    with pytest.raises(BadInput, match=says):
        model.stream("a", **settings)
    values = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0, "length": 5, **settings}
    with pytest.raises(BadInput, match=next(iter(settings))):
        model.predict("generate", prompt="a", **values)


def test_tokens_outside_the_vocabulary_are_refused(model):
    with pytest.raises(BadInput, match="tokens must be at most"):
        model.predict(tokens=np.array([[1_000_000]], np.int32))
    with pytest.raises(BadInput, match="tokens must be at least 0, got -5"):
        model.predict(tokens=np.array([[-5]], np.int32))


def test_a_classifier_is_no_text_generator(digits_bundle):
    with pytest.raises(NotFound):
        serving.load(digits_bundle).stream("a")


def test_a_signature_without_state_is_no_step(model):
    session: Session = model.session("serving_default")
    with pytest.raises(BadInput, match="no step that gives back"):
        stream(session, session.signature.inputs[0].codec.settings, "a", 5, Sampling())


def test_the_terminal_prints_prompt_and_text_as_they_come(run_command, text_bundle, model):
    done = run_command(
        "keras-serve", "predict", text_bundle, "--prompt", "while ", "--length", "80", "--seed", "4"
    )
    assert done.returncode == 0, done.stderr
    expected = "".join(model.stream("while ", length=80, temperature=0.8, seed=4))
    assert done.stdout == f"while {expected}\n"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--prompt", "x", "--length", "0"], "length must be between 1 and"),
        (["--prompt", "x", "--temperature", "-2"], "temperature must be between"),
        (["photo.png"], "is a text generator: give it a --prompt"),
    ],
)
def test_bad_input_on_the_terminal_is_one_line(run_command, text_bundle, flags, says):
    done = run_command("keras-serve", "predict", text_bundle, *flags)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_prompt_comes_from_standard_input_and_must_be_utf8(run_command, text_bundle, tmp_path):
    (tmp_path / "good").write_text("for x in range")
    (tmp_path / "bad").write_bytes(b"ab\xff")
    flags = ["predict", text_bundle, "--prompt", "-", "--length", "5"]
    with (tmp_path / "good").open() as good, (tmp_path / "bad").open() as bad:
        assert run_command("keras-serve", *flags, stdin=good).stdout.startswith("for x in range")
        refused = run_command("keras-serve", *flags, stdin=bad)
    assert refused.returncode == 2
    assert "standard input is no UTF-8 at byte 2" in refused.stderr


def test_the_codec_reads_bytes_and_strings_alike(model):
    vocabulary = model.session("step").signature.inputs[0].codec.settings["vocabulary"]
    tokens = characters.encode("x = é", vocabulary)
    for given in ("x = é", "x = é".encode(), tokens):
        answer = model.predict(tokens=given)["logits"]
        assert answer.shape == (len(tokens), 16 + len(vocabulary))
    with pytest.raises(BadInput, match="no UTF-8: byte 1"):
        model.predict(tokens=b"a\xff")
