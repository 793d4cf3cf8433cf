"""What Keras' own export to ONNX and ours make of every layer, cell, structure and network."""
