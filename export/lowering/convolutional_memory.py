"""ConvLSTM's cell: two convolutions for all of its gates together, where Keras has one for each.

Source: Shi et al. 2015, Convolutional LSTM Network, equation 3, without its peepholes.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.layers.rnn.conv_lstm import ConvLSTMCell  # no public name has it

from export.lowering.marks import Marks, Replacement


def _call(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(cell: Any, inputs: Any, states: Any, training: bool = False) -> Any:
        before, carried = states
        gates = cell.input_conv(inputs, cell.kernel, padding=cell.padding)
        gates += cell.recurrent_conv(before, cell.recurrent_kernel)
        axis = 1 if cell.data_format == "channels_first" else -1
        if cell.use_bias:
            places = [1] * cell.rank if axis == 1 else []
            gates += tf.reshape(tf.convert_to_tensor(cell.bias), [-1, *places])
        i, f, c, o = tf.split(gates, 4, axis=axis)
        kept = cell.recurrent_activation(f) * carried
        carried = kept + cell.recurrent_activation(i) * cell.activation(c)
        answer = cell.recurrent_activation(o) * cell.activation(carried)
        return answer, [answer, carried]

    return call


REPLACEMENTS = (Replacement(ConvLSTMCell, "call", _call),)
