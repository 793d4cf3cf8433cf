"""How well a text generator does on the unseen end of its text, in both ways that are quoted.

    python -m benchmarks.characters runs/shakespeare

`carried` reads the last tenth of the text once, from its beginning to its end, the way a recurrent
network is used. `fresh` cuts it into windows of 256 characters and begins each from nothing, the
way a Transformer with a context of 256 (nanoGPT's) is scored: each window's first characters have
no past.
"""

import argparse
import json
import sys
from pathlib import Path


def main() -> int:
    """Measures and prints nats per character, the mean over all characters."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run of the text family")
    parser.add_argument("--window", type=int, default=256, help="of fresh windows (256)")
    options = parser.parse_args()

    from keras_models import backend

    backend.prepare()
    import keras
    import numpy as np

    from keras_models.family import Examples
    from keras_models.text_figures import measure
    from train import corpus

    config = json.loads((options.run / "config.json").read_text())
    data = corpus.load(config["run"]["data"])
    model = keras.saving.load_model(options.run / "model.keras")

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
    return 0


if __name__ == "__main__":
    sys.exit(main())
