"""A model without our drop-in layers: what is saved then loads wherever Keras is."""

from typing import Any

import keras

from keras_models import recurrent
from keras_models.dropout import Dropout

OWN: dict[type[keras.layers.Layer], type[keras.layers.Layer]] = {
    recurrent.SimpleRNN: keras.layers.SimpleRNN,
    recurrent.LSTM: keras.layers.LSTM,
    recurrent.GRU: keras.layers.GRU,
    Dropout: keras.layers.Dropout,
}
"""Our drop-in layers, and Keras' own with the same weights and the same function."""


def in_plain_keras(model: keras.Model) -> keras.Model:
    """Returns a model of the same layers, each in Keras' own class, with weights of its own."""

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        own: Any = OWN.get(type(layer), type(layer))
        config = layer.get_config()
        if isinstance(layer, recurrent.Scanned):
            config.pop("weight_dropout", None)  # Ours alone, and of no meaning but in training.
        copy: keras.layers.Layer = own.from_config(config)
        return copy

    return keras.models.clone_model(model, clone_function=copied)
