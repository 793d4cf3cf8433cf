"""One type, four names: NumPy's, TensorFlow's number, TensorFlow's word, and Open Inference's.

The numbers are those of tensorflow/core/framework/types.proto, the words those of its error
messages. A manifest's `string` is an array of Python bytes.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Datatype:
    """A tensor's element type.

    Attributes:
        name: in a manifest: NumPy's, or `string`.
        number: TensorFlow's `DataType`.
        word: as TensorFlow writes it in messages: `float`.
        open_inference: of the Open Inference Protocol: `FP32`; empty where it has none.
        field: of TensorProto, where values travel one by one.
    """

    name: str
    number: int
    word: str
    open_inference: str
    field: str

    @property
    def numpy(self) -> np.dtype:
        """How its arrays are held."""
        return np.dtype(object if self.name == "string" else self.name)


_ROWS = (
    ("float32", 1, "float", "FP32", "float_val"),
    ("float64", 2, "double", "FP64", "double_val"),
    ("int32", 3, "int32", "INT32", "int_val"),
    ("uint8", 4, "uint8", "UINT8", "int_val"),
    ("int16", 5, "int16", "INT16", "int_val"),
    ("int8", 6, "int8", "INT8", "int_val"),
    ("string", 7, "string", "BYTES", "string_val"),
    ("complex64", 8, "complex64", "", "scomplex_val"),
    ("int64", 9, "int64", "INT64", "int64_val"),
    ("bool", 10, "bool", "BOOL", "bool_val"),
    ("uint16", 17, "uint16", "UINT16", "int_val"),
    ("complex128", 18, "complex128", "", "dcomplex_val"),
    ("float16", 19, "half", "FP16", "half_val"),
    ("uint32", 22, "uint32", "UINT32", "uint32_val"),
    ("uint64", 23, "uint64", "UINT64", "uint64_val"),
)
DATATYPES = tuple(
    Datatype(name=name, number=number, word=word, open_inference=oip, field=field)
    for name, number, word, oip, field in _ROWS
)
BY_NAME = {datatype.name: datatype for datatype in DATATYPES}
BY_NUMBER = {datatype.number: datatype for datatype in DATATYPES}
_BY_DTYPE = {datatype.numpy: datatype for datatype in DATATYPES}
"""NumPy makes a dtype's name anew each time, which takes as long as a small answer."""
BY_OPEN_INFERENCE = {d.open_inference: d for d in DATATYPES if d.open_inference}


def of_array(array: np.ndarray) -> Datatype | None:
    """Returns an array's type, None where TensorFlow has no such type."""
    if array.dtype.kind in "SU":
        return BY_NAME["string"]
    return _BY_DTYPE.get(array.dtype) or BY_NAME.get(array.dtype.name)
