"""Which Keras layer an operator comes from: while a model is traced, each call of a layer has a
scope with its number in every name beneath, which tf2onnx keeps.

Keras' own scopes will not do: TensorFlow numbers the second call of `dense` `dense_1`, which may
be another layer's name.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from export.lowering.marks import Marks, Replacement

SCOPE = re.compile(r"layer\.(\d+)\.")


class Origins:
    """The layers that were called in one trace."""

    def __init__(self) -> None:
        """Begins with none."""
        self._called: list[keras.Operation] = []
        self._failed = ""

    @property
    def replacements(self) -> tuple[Replacement, ...]:
        """What is to be replaced while the model is traced."""
        return (Replacement(keras.Operation, "__call__", self._scoped),)

    def _scoped(self, marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: keras.Operation, *arguments: Any, **named: Any) -> Any:
            self._called.append(layer)
            with tf.name_scope(f"layer.{len(self._called) - 1}.") as scope:
                try:
                    answer = original(layer, *arguments, **named)
                except Exception:
                    self._failed = self._failed or scope  # the innermost is told first
                    raise
            self._failed = ""  # whoever caught an error went on without it
            return answer

        return call

    def of(self, names: Iterable[str]) -> list[str]:
        """Returns the layers that operators come from, each once: `encoder/find (StringLookup)`.

        Args:
            names: of operators, or texts that name some. What no layer made is left out.
        """
        found = (self._chain(name) for name in names)
        return list(dict.fromkeys(described(chain) for chain in found if chain))

    def failed(self) -> str:
        """Returns the layer whose call raised what ended the trace; "" if it was in no layer."""
        return next(iter(self.of([self._failed])), "")

    def path(self, name: str) -> str:
        """Returns the name of the layer that an operator comes from; "" if no layer made it."""
        chain = self._chain(name)
        return _path(chain) if len(chain) > 1 else ""

    def _chain(self, name: str) -> list[keras.Operation]:
        """Each once: the body of a loop begins with the scopes that the loop itself is in."""
        return [self._called[int(number)] for number in dict.fromkeys(SCOPE.findall(name))]


def described(chain: Sequence[keras.Operation]) -> str:
    """Returns a layer's name with those of the models around it, and its class.

    Named is the layer that a person put into the model, not the ones that Keras makes it of: the
    first of Keras' own beneath all models, wrappers and layers of the user's.

    Args:
        chain: layers that call each other, the model first.
    """
    return f"{_path(chain)} ({type(chain[_last(chain)]).__name__})"


def _path(chain: Sequence[keras.Operation]) -> str:
    last = _last(chain)
    return "/".join(layer.name for layer in chain[min(1, last) : last + 1])


def _last(chain: Sequence[keras.Operation]) -> int:
    own = [position for position, layer in enumerate(chain) if _is_a_persons(layer)]
    return min(own[-1] + 1 if own else 0, len(chain) - 1)


def _is_a_persons(layer: keras.Operation) -> bool:
    if isinstance(layer, keras.Model | keras.layers.Wrapper):
        return True
    return type(layer).__module__.split(".")[0] != "keras"
