"""A finished run, opened for a benchmark."""

from pathlib import Path
from typing import Any


def opened(path: Path, family: str) -> tuple[Any, Any]:
    """Returns the run's model, not compiled, and its data.

    Raises:
        BadInput: there is no finished run of that family, or its data are not here.
    """
    from keras_models import backend

    backend.prepare()
    import keras

    import keras_models
    from keras_models.errors import BadInput
    from train import run_directory
    from train.kinds import KINDS

    own = keras_models.get(family)
    run, settings, _ = run_directory.open_existing(path, own)
    if not run.is_finished:
        raise BadInput(f"{path} is not finished: go on with keras-train {family} --resume")
    model = keras.saving.load_model(run.model, compile=False)
    return model, KINDS[own.reads].load(settings.run)
