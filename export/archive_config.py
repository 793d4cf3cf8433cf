"""What a model's configuration may name: Keras' own classes, on a list, and no files.

Keras builds whatever a configuration names by module and class. What can run code, read files or
unpickle is refused by name; so is everything that is not on the list.
"""

import math
import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

MODULES = re.compile(
    r"keras(\.src)?\.("
    r"layers|models|initializers|regularizers|constraints|activations|dtype_policies|"
    r"optimizers|losses|metrics|quantizers|"
    r"ops(\.(numpy|nn|image|math|linalg|core|einops))?"
    r")(\.[a-z0-9_]+)*|keras|keras_models(\.[a-z0-9_]+)*"
)
"""Where the classes that may be named are. What a model was compiled with is never loaded."""
FORBIDDEN = {
    "Lambda": (
        "runs Python code from the file; use a layer or keras.ops in its place, "
        "or a function by name from a Python file given with --custom"
    ),
    "TFSMLayer": "loads a SavedModel from another place",
    "TorchModuleWrapper": "unpickles what the file brings",
    "FlaxLayer": "unpickles what the file brings",
    "JaxLayer": "unpickles what the file brings",
    "__lambda__": "is Python code from the file",
}
FUNCTIONS = ("keras.activations", "keras.src.activations", "keras.losses", "keras.metrics")
"""Where functions may be named; all others are called while the file is loaded."""
ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu",
    "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
    "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
    "threshold",
)  # fmt: skip
"""Functions that Keras writes down by their names alone."""
VALUES = ("__tensor__", "__numpy__", "__bytes__", "__typespec__", "__ellipsis__", "slice")
"""What Keras calls a value's kind, where no class is meant."""
FILES = ("vocabulary", "idf_weights", "vocabulary_file", "filepath", "path", "tsv")
"""Settings that Keras takes a string in for a file to read."""
LENGTHS = (
    "units", "filters", "input_dim", "output_dim", "num_heads", "key_dim", "value_dim", "n",
    "height", "width", "size", "padding", "cropping", "kernel_size", "pool_size", "target_shape",
    "num_tokens", "num_bins", "depth_multiplier", "batch_shape", "head_dim", "intermediate_dim",
)  # fmt: skip
"""Settings that memory grows with."""
LONGEST = 2**24
MOST_DEPTH = 200
WAY_ROUND = "if it is your own, name the Python file that defines it with --custom, which runs it"


def refusal(config: Any, *, weights_bytes: int, custom: Set[str] = frozenset()) -> str | None:
    """Returns why a configuration is not built, or None.

    Args:
        config: as JSON gives it.
        weights_bytes: size of the weights that come with it: a model cannot have more of them.
        custom: names of what the user has defined, which it may ask for.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        return "its configuration describes no model"
    try:
        for record, layer in _records(config, "the model", 0):
            is_own = _is_custom(record, custom) or _is_of_custom(record, custom)
            reason = None if is_own else _of_class(record, layer)
            reason = reason or _of_settings(record, layer, weights_bytes)
            if reason:
                return reason
    except RecursionError:
        return "its configuration is nested too deeply"
    return None


def _records(value: Any, layer: str, depth: int) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every JSON object in a configuration, with the name of the layer that it is in."""
    if depth > MOST_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        own = value.get("config")
        if isinstance(own, dict) and isinstance(own.get("name"), str):
            layer = f"layer {own['name'][:80]!r}"
        yield value, layer
        for one in value.values():
            yield from _records(one, layer, depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from _records(one, layer, depth + 1)


def _is_custom(record: Mapping[str, Any], custom: Set[str]) -> bool:
    """Tells whether a class or function is one that the user has defined."""
    name = record.get("config") if record.get("class_name") == "function" else None
    name = name or record.get("registered_name") or record.get("class_name")
    return isinstance(name, str) and name in custom


def _is_of_custom(record: Mapping[str, Any], custom: Set[str]) -> bool:
    """Tells whether it is Keras' own Lambda, of a function that the user has defined.

    What else it may be given, a shape as a function, say, is a record of its own, and looked at so.
    """
    config, module = record.get("config"), record.get("module")
    function = config.get("function") if isinstance(config, dict) else None
    is_lambda = record.get("class_name") == "Lambda" and module == "keras.layers"
    if not is_lambda or record.get("registered_name") or not isinstance(function, dict):
        return False
    return function.get("class_name") == "function" and _is_custom(function, custom)


def _of_class(record: Mapping[str, Any], layer: str) -> str | None:
    if "class_name" not in record and "module" not in record:
        return None
    name, registered = record.get("class_name"), record.get("registered_name")
    if not isinstance(name, str):
        return f"{layer} names its class by what is no name"
    for known in (name, str(registered or "").split(">")[-1]):
        if known in FORBIDDEN:
            return f"{layer} is a {known}, which {FORBIDDEN[known]}"
    if name in VALUES or (record.get("module") is None and registered is None):
        return None
    return _of_function(record, layer) if name == "function" else _of_place(record, name, layer)


def _of_place(record: Mapping[str, Any], name: str, layer: str) -> str | None:
    """A class is known by where it is."""
    module = record.get("module")
    if not isinstance(module, str) or not MODULES.fullmatch(module):
        where = module if isinstance(module, str) else record.get("registered_name")
        return f"{layer} needs Python code that is not in the file: {name} of {where}; {WAY_ROUND}"
    if not re.fullmatch(r"[A-Z][A-Za-z0-9_]*", name):
        return f"{layer} names {module}.{name}, which is no layer"
    return None


def _of_function(record: Mapping[str, Any], layer: str) -> str | None:
    """Functions are named where a layer takes one; any but an activation could do anything."""
    module, config = record.get("module"), record.get("config")
    if module in FUNCTIONS or (module == "builtins" and config in ACTIVATIONS):
        return None
    return f"{layer} names the function {config} of {module}; {WAY_ROUND}"


def _of_settings(record: Mapping[str, Any], layer: str, weights_bytes: int) -> str | None:
    for key, value in record.items():
        if key in FILES and isinstance(value, str):
            return f"{layer} would read a file ({key}: {value[:80]!r})"
        if key in ("name", "layer_name") and isinstance(value, str) and not _is_plain(value):
            return f"{layer} has a name that leads elsewhere"
        if key in LENGTHS and any(abs(n) > LONGEST for n in _numbers(value)):
            return f"{layer} asks for more than it can have ({key} {str(value)[:40]})"
    weights = _weights(record)
    if weights and weights > max(weights_bytes, 2**20):
        return f"{layer} has {weights} weights, and the file {weights_bytes} bytes of them"
    return None


def _is_plain(name: str) -> bool:
    return ".." not in name.split("/") and not name.startswith("/") and "\0" not in name


def _numbers(value: Any) -> list[float]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int | float):
        return [value] if math.isfinite(value) else [math.inf]
    return [n for one in value for n in _numbers(one)] if isinstance(value, list) else []


def _weights(record: Mapping[str, Any]) -> int:
    """How many weights a layer has at least, by what it says of itself; 0 where it says nothing."""
    config = record.get("config")
    if not isinstance(config, dict):
        return 0
    built = record.get("build_config")
    shape = built.get("input_shape") if isinstance(built, dict) else None
    known = isinstance(shape, list) and shape and isinstance(shape[-1], int)
    width = shape[-1] if known and shape else 1
    sizes = [config.get(key) for key in ("units", "filters", "output_dim")]
    least = max([size for size in sizes if isinstance(size, int)], default=0)
    rows = config.get("input_dim")
    return least * (rows if isinstance(rows, int) else width)
