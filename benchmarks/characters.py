"""How well a text generator does on the unseen end of its text, in both ways that are quoted.

    python -m benchmarks.characters runs/shakespeare

`carried` reads the last tenth of the text once, from its beginning to its end, the way a recurrent
network is used. `fresh` cuts it into windows of 256 characters and begins each from nothing, the
way a Transformer with a context of 256 (nanoGPT's) is scored: each window's first characters have
no past. `dynamic` reads as `carried` does and learns from each window after it was scored on it
(dynamic evaluation: Krause et al. 2018, arXiv 1709.07432, with plain gradient steps): the model is
another one at the end, so this is a figure of its own.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

DYNAMIC_WINDOW = 64
LARGEST_STEP = 1.0
"""Global norm to which a gradient is cut."""


def main() -> int:
    """Measures and prints nats per character, the mean over all characters."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run of the text family")
    parser.add_argument("--window", type=int, default=256, help="of fresh windows (256)")
    parser.add_argument("--dynamic", action="store_true", help="learn from what was scored, too")
    parser.add_argument("--rate", type=float, default=0.3, help="learning rate of that (0.3)")
    options = parser.parse_args()

    from keras_models import backend

    backend.prepare()
    import numpy as np

    from benchmarks.finished_run import opened
    from keras_models.errors import BadInput
    from keras_models.family import Examples
    from keras_models.text_figures import measure

    try:
        model, data = opened(options.run, "text")
    except BadInput as error:
        parser.error(str(error))

    def nats(tokens: np.ndarray, following: np.ndarray) -> float:
        examples = Examples(inputs={"tokens": tokens}, answers=following, spec=data.spec)
        return measure(model, examples)["nats_per_character"]

    tokens, following = data.test[:-1], data.test[1:]
    rows = len(tokens) // options.window
    whole = rows * options.window
    print(f"characters   {len(following):,}")
    print(f"carried      {nats(tokens[np.newaxis], following[np.newaxis]):.4f} nats")
    fresh = nats(*(part[:whole].reshape(rows, -1) for part in (tokens, following)))
    print(f"fresh {options.window:<6} {fresh:.4f} nats")
    if options.dynamic:
        print(f"dynamic      {_dynamic(model, tokens, following, options.rate):.4f} nats")
    return 0


def _dynamic(model: Any, tokens: Any, following: Any, rate: float) -> float:
    """Nats per token of a text that is read once, a gradient step after each window of it."""
    import tensorflow as tf

    from keras_models.text_network import Network

    network = Network.of(model)
    weights = [variable.value for variable in model.trainable_variables]

    @tf.function(jit_compile=True)
    def read(tokens: tf.Tensor, following: tf.Tensor, states: list[tf.Tensor]) -> tuple:
        with tf.GradientTape() as tape:
            logits, after = network(tokens, states, training=False)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(following, logits)
            loss = tf.reduce_mean(nats)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, weights), LARGEST_STEP)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign_sub(rate * tf.convert_to_tensor(gradient))
        return loss, after

    states, losses = network.zeros(1), []
    for start in range(0, len(tokens) - DYNAMIC_WINDOW + 1, DYNAMIC_WINDOW):
        window = slice(start, start + DYNAMIC_WINDOW)
        part = (tf.constant(each[window][None]) for each in (tokens, following))
        loss, states = read(*part, states)
        losses.append(float(loss))
    return sum(losses) / len(losses)


if __name__ == "__main__":
    sys.exit(main())
