"""A text as tokens, and its fixed split: the beginning is learned, the end is never seen.

A text has an order, so its end is the test part. The validation part is a few passages of what is
before, spread evenly: a single piece would tell of one place in the text alone, and take from the
training part whatever is written nowhere else (the names in a play). The vocabulary is the training
part's.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from keras_models import characters
from keras_models.data_spec import TextSpec
from keras_models.errors import BadInput
from keras_models.family import Examples
from train.keras_cache import cached

TEST_SHARE = 0.1
VALIDATION_SHARE = 0.02
"""It only has to tell one epoch from the next, on the same characters."""
PASSAGES, LEAST_PASSAGE = 8, 200
"""Most passages that are held back, and the fewest characters of each."""
LEAST_CHARACTERS = 1000
EXAMPLES, EXAMPLE_LENGTH = 128, 64
LARGEST_BYTES = 2**30
ADDRESS = "https://storage.googleapis.com/download.tensorflow.org/data/"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
"""Of `shakespeare.txt` there: input.txt of char-rnn (Karpathy 2015)."""


@dataclass(frozen=True, kw_only=True)
class TextData:
    """A text, split.

    Attributes:
        training, validation, test: int32 [tokens] each.
        vocabulary: characters with a token of their own.
        characters: of each part, which may be fewer than its tokens.
        fingerprint: SHA-256 of the text's UTF-8 form, in hexadecimal.
    """

    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    vocabulary: tuple[str, ...]
    characters: dict[str, int]
    fingerprint: str

    @cached_property
    def spec(self) -> TextSpec:
        """What a model must know of the text."""
        return TextSpec(vocabulary=self.vocabulary)

    @property
    def sizes(self) -> dict[str, int]:
        """Characters in each part."""
        return self.characters

    @property
    def summary(self) -> str:
        """Counts, for people."""
        return (
            f"{self.characters['training']:,} characters to train on, "
            f"{self.characters['validation']:,} to validate, {self.characters['test']:,} to test, "
            f"{len(self.vocabulary)} different"
        )

    def examples(self) -> Examples[TextSpec]:
        """Returns pieces of the validation part, each with what follows every token."""
        length = min(EXAMPLE_LENGTH, len(self.validation) - 1)
        count = min(EXAMPLES, len(self.validation) - length)
        starts = np.linspace(0, len(self.validation) - length - 1, count).astype(np.int64)
        places = starts[:, np.newaxis] + np.arange(length)
        return Examples(
            inputs={"tokens": self.validation[places]},
            answers=self.validation[places + 1],
            spec=self.spec,
        )

    def validation_examples(self) -> Examples[TextSpec]:
        """Returns the same."""
        return self.examples()

    def test_examples(self) -> Examples[TextSpec]:
        """Returns the test part as one row, [1, tokens]."""
        return Examples(
            inputs={"tokens": self.test[np.newaxis, :-1]},
            answers=self.test[np.newaxis, 1:],
            spec=self.spec,
        )


def load(name: str) -> TextData:
    """Loads a text by name, or from a file.

    Args:
        name: one of `NAMED`, or the path of a UTF-8 file.

    Raises:
        BadInput: there is no such text or file, or it is too short, or no UTF-8; says where.
    """
    text = NAMED[name]() if name in NAMED else _read(Path(name))
    return split(text, name)


def split(text: str, name: str) -> TextData:
    """Splits a text.

    Raises:
        BadInput: it is too short, or always the same character.
    """
    if len(text) < LEAST_CHARACTERS:
        raise BadInput(
            f"{name} has {len(text)} characters: at least {LEAST_CHARACTERS} are needed to learn "
            "from some and hold others back"
        )
    test = round(len(text) * (1 - TEST_SHARE))
    parts = {**_with_passages_held_back(text[:test]), "test": text[test:]}
    vocabulary = characters.vocabulary_of(parts["training"])
    if len(vocabulary) < 2:
        raise BadInput(f"{name} is one character, {vocabulary[0]!r}, again and again")
    tokens = {part: characters.encode(piece, vocabulary) for part, piece in parts.items()}
    return TextData(
        **tokens,
        vocabulary=vocabulary,
        characters={part: len(piece) for part, piece in parts.items()},
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
    )


def _with_passages_held_back(text: str) -> dict[str, str]:
    """Cuts the text into equal pieces, and validates by the middle of each."""
    share = VALIDATION_SHARE / (1 - TEST_SHARE)
    count = max(1, min(PASSAGES, round(len(text) * share) // LEAST_PASSAGE))
    piece, passage = len(text) / count, round(len(text) * share / count)
    starts = [round(piece * (number + 0.5) - passage / 2) for number in range(count)]
    ends = [start + passage for start in starts]
    learned = [text[end:start] for end, start in zip([0, *ends], [*starts, None], strict=True)]
    held_back = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    return {"training": "".join(learned), "validation": "".join(held_back)}


def _read(path: Path) -> str:
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise BadInput(f"{path} is a folder: --data takes {', '.join(NAMED)}, or a text file")
        if size > LARGEST_BYTES:
            raise BadInput(f"{path} has {size:,} bytes: at most {LARGEST_BYTES:,} are read")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BadInput(
            f"there is no text or file {str(path)!r}: choose {', '.join(NAMED)}, or name a file"
        ) from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{path} is no UTF-8: byte 0x{content[error.start]:02x} at position {error.start} "
            f"(line {line}); convert it with: iconv -f ENCODING -t UTF-8"
        ) from error


def _python() -> str:
    """The language reference that CPython's `help` shows: 465,000 characters, always there."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


def _shakespeare() -> str:
    """Forty thousand lines of Shakespeare, 1.1 million characters (Karpathy 2015)."""
    file = "shakespeare.txt"
    place = cached(
        "shakespeare",
        lambda: keras.utils.get_file(file, ADDRESS + file, file_hash=SHA256),
        [file],
    )
    return _read(Path(place))


NAMED: dict[str, Callable[[], str]] = {"python": _python, "shakespeare": _shakespeare}
