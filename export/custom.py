"""Layers, models and functions of a user's own, from Python files that the user names.

Running such a file can do whatever its user can, so it happens only when asked for, and never
because a `.keras` file says so.
"""

import importlib.util
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from keras_models.errors import BadInput


def register(files: Iterable[Path]) -> frozenset[str]:
    """Runs Python files, and makes what they define known to Keras.

    Returns:
        The names by which a `.keras` file may ask for it.

    Raises:
        BadInput: one is no Python file, or fails, or has the name of another module.
    """
    import keras

    names = set[str]()
    for path in files:
        for name, value in vars(_run(path)).items():
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            if value.__module__ == path.stem:
                keras.saving.get_custom_objects().setdefault(name, value)
                names |= {name, keras.saving.get_registered_name(value)}
    return frozenset(names)


def _run(path: Path) -> ModuleType:
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path.resolve()):
        return known
    if path.suffix != ".py" or not path.is_file():
        raise BadInput(f"there is no Python file {path}")
    if known is not None or _is_elsewhere(path):
        raise BadInput(f"{path} has the name of another Python module: give it one of its own")
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        raise BadInput(f"{path} cannot be run")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.append(str(path.resolve().parent))  # for what it imports itself
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's file raises
        del sys.modules[path.stem]
        raise BadInput(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    return module


def _is_elsewhere(path: Path) -> bool:
    """Tells whether an import of its name would find another file: its own may be found as well."""
    found = importlib.util.find_spec(path.stem)
    return found is not None and found.origin != str(path.resolve())
