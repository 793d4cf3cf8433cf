"""What a person can set: flags, their help, and the record that a run keeps of them.

Three frozen dataclasses, flat flags: `Run` here, the family's own config (whatever changes the
weights or the graph), and `keras_models.family.Training`. The family and the preset are read
first, since they decide what the other flags are and what they default to.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, NoReturn, TypeVar, get_type_hints

import tyro

import keras_models
from keras_models.errors import BadInput
from keras_models.family import Family
from keras_models.training import Training

C = TypeVar("C")
R = TypeVar("R", bound="Run")
T = TypeVar("T", bound=Training)
Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is trained on what, and where it goes."""

    run: Path
    """The run directory: made now, or the one to go on with."""
    data: str = ""
    """The name of a data set, or a path."""
    seed: int = 0
    """Decides initial weights, order, augmentation and dropout."""
    precision: Precision = "auto"
    """What the steps compute in; auto takes what is fastest here. Weights are float32."""
    deterministic: bool = True
    """Equal seeds give equal bytes on the same machine; costs speed on a GPU, and cannot be kept
    there with --jit."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must be between 0 and {2**31 - 1}, got {self.seed}")


@dataclass(frozen=True, kw_only=True)
class ImageRun(Run):
    """What is trained on which images, and where it goes."""

    data: str = "digits"
    """digits, mnist, fashion_mnist, cifar10, or a folder with one sub-folder per class."""
    image_size: int = 0
    """Side of the square that a folder's images are resized to; 0 where all are equal."""
    skip_bad: bool = False
    """Leave unreadable image files out, and count them, instead of refusing."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        super().__post_init__()
        if self.image_size < 0 or self.image_size > 1024:
            raise ValueError(f"image_size must be between 1 and 1024, got {self.image_size}")


@dataclass(frozen=True, kw_only=True)
class TextRun(Run):
    """What is trained on which text, and where it goes."""

    data: str = "python"
    """python (the language reference that comes with it), shakespeare, or a UTF-8 text file."""


RUNS: dict[str, type[Run]] = {"images": ImageRun, "text": TextRun}
"""By the kind of data that a family reads."""


@dataclass(frozen=True, kw_only=True)
class Settings(Generic[R, C, T]):
    """All of it together."""

    run: R
    model: C
    training: T


AnySettings = Settings[Any, Any, Any]
"""Those of whatever family."""


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A command line that begins a run: its family, the preset its settings began as, and them."""

    family: Family[Any, Any]
    preset: str
    settings: AnySettings

    @property
    def path(self) -> Path:
        """The directory that is to be made."""
        path: Path = self.settings.run.run
        return path


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """A command line that goes on with the run at `path`, which has its own settings."""

    family: Family[Any, Any]
    path: Path


def parse(arguments: Sequence[str]) -> NewRun | Resumption:
    """Reads a command line.

    Raises:
        BadInput: an unknown family or preset, or flags that --resume does not take.
        SystemExit: with 2 for other bad flags, with 0 after --help; the message is printed.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("family", nargs="?")
    first.add_argument("--preset")
    first.add_argument("--resume", action="store_true")
    chosen, rest = first.parse_known_args(list(arguments))
    if chosen.family is None or chosen.family.startswith("-"):
        _overview(rest)
    family = keras_models.get(chosen.family)
    preset = _preset(family, chosen.preset)
    if chosen.resume:
        return Resumption(family=family, path=_resumed(rest))
    return NewRun(family=family, preset=preset, settings=_flags(family, preset, rest))


def _overview(rest: Sequence[str]) -> NoReturn:
    if "--help" in rest or "-h" in rest:
        sys.stdout.write(_OVERVIEW)
        raise SystemExit(0)
    raise BadInput("say what to train: keras-train cnn --data digits --run runs/digits")


_OVERVIEW = f"""\
Trains a model and leaves a run directory.

    keras-train cnn --data digits --run runs/digits
    keras-train cnn --run runs/digits --resume          goes on where a stopped run was
    tensorboard --logdir runs                           watch it

Families: {", ".join(keras_models.FAMILIES)}. All flags of one: keras-train cnn --help
"""


def _preset(family: Family[Any, Any], name: str | None) -> str:
    if name is None:
        return next(iter(family.presets))
    if name not in family.presets:
        raise BadInput(
            f"{family.name} has no preset {name!r}: choose one of {', '.join(family.presets)}"
        )
    return name


def _resumed(rest: Sequence[str]) -> Path:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--run", type=Path)
    known, unknown = parser.parse_known_args(list(rest))
    if known.run is None:
        raise BadInput("--resume needs --run: the run directory to go on with")
    if unknown:
        raise BadInput(
            f"--resume goes on with the run's own settings: leave out {' '.join(unknown)}, "
            "or begin a new run"
        )
    run: Path = known.run
    return run


def _flags(family: Family[Any, Any], preset: str, rest: Sequence[str]) -> AnySettings:
    recipe = family.presets[preset]
    run, training = RUNS[family.reads], type(recipe.training)
    settings_type: Any = Settings[run, type(recipe.model), training]  # type: ignore[misc,valid-type]
    default = Settings(run=tyro.MISSING_NONPROP, model=recipe.model, training=recipe.training)
    parsed: AnySettings = tyro.cli(
        settings_type,
        prog=f"keras-train {family.name}",
        args=list(rest),
        default=default,
        description=_description(family),
        config=(tyro.conf.OmitArgPrefixes,),
    )
    return parsed


def _description(family: Family[Any, Any]) -> str:
    presets = "\n".join(
        f"  --preset {name}: {preset.summary}" for name, preset in family.presets.items()
    )
    data = RUNS[family.reads].data
    return (
        f"{family.summary}\n\nExample: keras-train {family.name} --data {data} "
        f"--run runs/{data}\n\n{presets}\n\nThe defaults below are those of the chosen preset; "
        f"--resume --run runs/{data} goes on with a stopped run."
    )


def restored(cls: type[C], values: dict[str, Any]) -> C:
    """Makes a settings dataclass from what JSON kept of it: lists become tuples, text paths."""
    hints = get_type_hints(cls)
    fields = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - fields)
    if unknown:
        raise BadInput(f"the run has settings that this version does not know: {unknown}")
    made = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return cls(**{n: Path(str(v)) if hints[n] is Path else v for n, v in made.items()})
