"""TensorFlow, imported quietly and as Keras' backend, whatever this machine's Keras is set to.

Call `prepare` before anything imports Keras. Imports nothing heavy by itself.
"""

import json
import os
import sys
from pathlib import Path


def prepare() -> str | None:
    """Makes Keras use TensorFlow, and imports both without their start-up chatter.

    Returns:
        A sentence for the person where another backend was configured, else None.
    """
    configured = os.environ.get("KERAS_BACKEND") or _backend_in_file()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _import_quietly()
    if configured in (None, "tensorflow"):
        return None
    return f"Keras is set to the {configured} backend here; this program uses TensorFlow instead"


def _backend_in_file() -> str | None:
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        settings = json.loads((home / "keras.json").read_text())
    except (OSError, ValueError):
        return None
    return settings.get("backend") if isinstance(settings, dict) else None


def _import_quietly() -> None:
    """TensorFlow's C++ writes to the file descriptor before its log level counts."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        import keras  # noqa: F401
        import tensorflow

        tensorflow.config.list_physical_devices()  # looks for CUDA, and complains at once
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
