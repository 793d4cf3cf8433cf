"""How a finished model leaves Keras, with the proof that it computes what Keras computes."""
