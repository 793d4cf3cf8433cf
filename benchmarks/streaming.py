"""Microseconds of one character of generated text, one stream at a time, on one thread.

    python -m benchmarks.streaming runs/python models/python/1
    python -m benchmarks.streaming runs/python models/python/1 --torch PYTHON

Contestants, in processes of their own that take turns: `stream`, which samples and decodes as
`keras-serve predict --prompt` does; the bare ONNX Runtime session in a loop that only hands its
state on; one call of the `generate` graph, with one prompt and with 64; `model.predict` on the last
64 characters, as Keras' own examples generate; and PyTorch's layer with the same weights, its state
handed on, sampled by `torch.multinomial`.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.contestant import Contestant, ratio, take_turns

KINDS = {
    "stream": "stream",
    "bare session": "bare",
    "generate": "generate",
    "generate, 64 prompts": "generate_64",
    "the same, 2 threads": "generate_64_2",
    "model.predict": "predict",
}


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run of the text family")
    parser.add_argument("bundle", type=Path, help="its bundle")
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (7)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        weights = Path(place) / "weights.npz"
        if options.torch:
            _write_weights(options.run, weights)
        kinds = {**KINDS, **({"PyTorch": "torch"} if options.torch else {})}
        contestants = {
            name: Contestant(
                options.torch if kind == "torch" else sys.executable,
                "streaming_contestant.py",
                *(kind, str(options.run), str(options.bundle), str(weights)),
                threads=1,
            )
            for name, kind in kinds.items()
        }
        times = take_turns(contestants, options.rounds)
    for name, values in times.items():
        print(
            f"{name:22} {1000 * statistics.median(values):10.1f} µs a character   "
            f"{ratio(values, times['stream']):8.2f} times stream"
        )
    return 0


def _write_weights(run: Path, path: Path) -> None:
    """The weights under PyTorch's names, for the layers that both have."""
    from keras_models import backend

    backend.prepare()
    import keras
    import numpy as np

    from keras_models.text_network import Network

    network = Network.of(keras.saving.load_model(run / "model.keras"))
    if len(network.recurrent) != 1 or network.logits is None:
        raise SystemExit("PyTorch is compared with one recurrent layer and logits of their own")
    layer = network.recurrent[0]
    kernel, recurrent, bias = (np.asarray(weight) for weight in layer.get_weights())
    kind = type(layer).__name__
    order = {"LSTM": (0, 1, 2, 3), "GRU": (1, 0, 2), "SimpleRNN": (0,)}[kind]

    def ordered(weight: np.ndarray) -> np.ndarray:
        gates = np.split(weight, len(order), axis=-1)
        return np.concatenate([gates[gate] for gate in order], axis=-1)

    biases = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    np.savez(
        path,
        kind=kind.replace("SimpleRNN", "RNN"),
        embedding=np.asarray(network.embedding.embeddings),
        weight_ih_l0=ordered(kernel).T,
        weight_hh_l0=ordered(recurrent).T,
        bias_ih_l0=ordered(biases[0]),
        bias_hh_l0=ordered(biases[1]),
        logits=np.asarray(network.logits.kernel).T,
        logits_bias=np.asarray(network.logits.bias),
    )


if __name__ == "__main__":
    sys.exit(main())
