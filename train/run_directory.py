"""The run directory: what training leaves, and what export reads (docs/run-directory.md)."""

import dataclasses
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_models import atomic
from keras_models.data_spec import RUN_FORMAT
from keras_models.errors import BadInput
from keras_models.family import Family
from train.data import Data
from train.settings import RUNS, AnySettings, NewRun, Settings, restored


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """A run's folder and the names of what is in it."""

    path: Path

    @property
    def config(self) -> Path:
        """Every setting, version and fingerprint."""
        return self.path / "config.json"

    @property
    def model(self) -> Path:
        """The best model so far, in float32."""
        return self.path / "model.keras"

    @property
    def checkpoint(self) -> Path:
        """All state that is needed to go on exactly."""
        return self.path / "checkpoint"

    @property
    def logs(self) -> Path:
        """What TensorBoard reads."""
        return self.path / "logs"

    @property
    def samples(self) -> Path:
        """Pictures of how the model learned, where there is something to see."""
        return self.path / "samples"

    @property
    def metrics(self) -> Path:
        """The final figures; there once the run is finished."""
        return self.path / "metrics.json"

    @property
    def examples(self) -> Path:
        """Validation samples with their answers."""
        return self.path / "examples.npz"

    @property
    def is_finished(self) -> bool:
        """Whether training reached its end and was measured."""
        return self.metrics.exists()

    def save_model(self, model: keras.Model) -> None:
        """Replaces `model.keras` in one step."""
        atomic.write(self.model, model.save)

    def finish(self, metrics: Mapping[str, Any], examples: Mapping[str, np.ndarray]) -> None:
        """Writes the samples and, as the last file of the run, its figures."""

        def save(path: Path) -> None:
            with path.open("wb") as file:
                np.savez_compressed(file, **examples)  # type: ignore[arg-type]

        atomic.write(self.examples, save)
        _write_json(self.metrics, metrics)


def check_free(path: Path) -> None:
    """Refuses a directory that holds anything.

    Raises:
        BadInput: says how to go on with the run that is there.
    """
    if path.exists() and not path.is_dir():
        raise BadInput(f"{path} is a file: --run names a directory")
    if (path / "config.json").exists():
        raise BadInput(
            f"{path} holds a run already: go on with it (--resume --run {path}), "
            "or choose another --run"
        )
    if path.is_dir() and any(path.iterdir()):
        raise BadInput(f"{path} is not empty, and not a run: choose another --run")


def create(new: NewRun, data: Data, precision: str) -> RunDirectory:
    """Makes a run's directory with its `config.json`.

    Raises:
        BadInput: it holds something already, or cannot be made.
    """
    run = RunDirectory(new.path)
    check_free(run.path)
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        run.checkpoint.mkdir(exist_ok=True)
        _write_json(run.config, _config(new, data, precision))
    except OSError as error:
        raise BadInput(f"cannot write {run.path}: {error.strerror}") from error
    return run


def _config(new: NewRun, data: Data, precision: str) -> dict[str, Any]:
    settings = new.settings
    return {
        "format": RUN_FORMAT,
        "family": new.family.name,
        "preset": new.preset,
        "model": dataclasses.asdict(settings.model),
        "training": dataclasses.asdict(settings.training),
        "run": {**dataclasses.asdict(settings.run), "run": str(settings.run.run)},
        "precision_used": precision,
        "spec": data.spec.record(),
        "data_summary": data.summary,
        "splits": dict(data.sizes),
        "data_fingerprint": data.fingerprint,
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def open_existing(path: Path, family: Family[Any, Any]) -> tuple[RunDirectory, AnySettings, dict]:
    """Opens a run to go on with it.

    Returns:
        The directory, the settings, and the whole of `config.json`.

    Raises:
        BadInput: there is no run, or it is another family's, or its config is damaged.
    """
    run = RunDirectory(path)
    try:
        config = json.loads(run.config.read_text())
    except FileNotFoundError as error:
        raise BadInput(f"{path} holds no run (no config.json): nothing to resume") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{run.config} cannot be read: {error}") from error
    if not isinstance(config, dict) or config.get("format") != RUN_FORMAT:
        raise BadInput(f"{run.config} is not of format {RUN_FORMAT}: another version made it")
    if config["family"] != family.name:
        raise BadInput(f"{path} is a run of {config['family']}, not of {family.name}")
    preset = next(iter(family.presets.values()))
    settings = Settings(
        run=dataclasses.replace(restored(RUNS[family.reads], config["run"]), run=path),
        model=restored(type(preset.model), config["model"]),
        training=restored(type(preset.training), config["training"]),
    )
    return run, settings, config


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"
    atomic.write(path, lambda beside: _write_text(beside, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text)


def check_same_data(run: RunDirectory, config: Mapping[str, Any], data: Data) -> None:
    """Makes sure that a run goes on with the data it began with.

    Raises:
        BadInput: they have changed.
    """
    if config["data_fingerprint"] != data.fingerprint:
        raise BadInput(
            f"the data have changed since {run.path} began (their fingerprint differs): "
            "bring the old ones back, or begin a new run"
        )
