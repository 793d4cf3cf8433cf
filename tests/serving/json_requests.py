"""Predict requests in JSON, read by both ways that there are."""

import numpy as np
import pytest

from serving.bundle import Tensor
from serving.errors import BadInput
from serving.wire import predict_json


def inputs(**dtypes):
    """A signature's inputs by name and dtype; JSON does not care for their shapes."""
    return [Tensor(name=name, dtype=dtype, shape=("batch",)) for name, dtype in dtypes.items()]


def parse(text, **dtypes):
    """Reads a request by the long way, and holds the short way to it where that answers."""
    body = text.encode() if isinstance(text, str) else text
    parsed = predict_json.parse_at_length(body, lambda _: inputs(**dtypes))
    shortly = predict_json.parse_shortly(body, lambda _: inputs(**dtypes))
    if shortly is not None:
        assert (shortly.signature, shortly.is_row) == (parsed.signature, parsed.is_row)
        assert shortly.inputs.keys() == parsed.inputs.keys()
        for name, array in shortly.inputs.items():
            np.testing.assert_array_equal(array, parsed.inputs[name], strict=True)
    return parsed


def only(text, dtype):
    """The one input of a request."""
    (array,) = parse(text, x=dtype).inputs.values()
    return array


def refusal(text, **dtypes):
    """The message of a request that is refused, whichever way is tried."""
    body = text.encode() if isinstance(text, str) else text
    with pytest.raises(BadInput) as refused:
        predict_json.parse(body, lambda _: inputs(**dtypes))
    return str(refused.value)


def equal(array, values, dtype):
    """Asserts that values, shape and dtype are these."""
    np.testing.assert_array_equal(array, np.array(values, dtype), strict=True)
