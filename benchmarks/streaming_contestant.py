"""One contestant of `benchmarks.streaming`: makes a character whenever it is called.

python streaming_contestant.py KIND RUN BUNDLE WEIGHTS
"""

import sys
from collections.abc import Callable

from benchmarks.contestant import answer

LENGTH = 1_000_000
TEMPERATURE = 0.8
CONTEXT = 64
"""Characters that `model.predict` reads for each new one."""
AT_ONCE = 100
"""Tokens of one call of `generate`."""


def main(kind: str, run: str, bundle: str, weights: str) -> None:
    """Answers each line with the milliseconds of a character."""
    if kind.startswith("generate"):
        _, *numbers = kind.split("_")
        prompts, threads = int(numbers[0]) if numbers else 1, len(numbers) or 1
        answer(_generate(bundle, prompts, threads), results=prompts * AT_ONCE)
    make = {"stream": _stream, "bare": _bare, "predict": _predict, "torch": _torch}[kind]
    answer(make({"predict": run, "torch": weights}.get(kind, bundle)))


def _stream(bundle: str) -> Callable[[], object]:
    import serving

    pieces = serving.load(bundle).stream("A", length=LENGTH, temperature=TEMPERATURE)
    return lambda: next(pieces)


def _bare(bundle: str) -> Callable[[], object]:
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{bundle}/onnx/step.onnx", options)
    token, *states = session.get_inputs()
    names = [one.name for one in states]
    feeds = {one.name: np.zeros((1, one.shape[1]), np.float32) for one in states}
    feeds[token.name] = np.array([20], np.int32)
    wanted = ["logits", *(f"next_{name}" for name in names)]

    def step() -> None:
        _, *after = session.run(wanted, feeds)
        feeds.update(zip(names, after, strict=True))

    return step


def _generate(bundle: str, prompts: int, threads: int) -> Callable[[], object]:
    import serving

    model = serving.load(bundle, threads=threads)
    settings = {"temperature": TEMPERATURE, "top_k": 0, "top_p": 1.0, "seed": 0}
    return lambda: model.predict("generate", prompt=["A"] * prompts, length=AT_ONCE, **settings)


def _predict(run: str) -> Callable[[], object]:
    from keras_models import backend

    backend.prepare()
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    model = keras.saving.load_model(f"{run}/model.keras")
    text = np.full((1, CONTEXT), 20, np.int32)

    def step() -> None:
        logits = model.predict(text, verbose=0)[0, -1].astype(np.float64) / TEMPERATURE
        odds = np.exp(logits - logits.max())
        text[0, :-1] = text[0, 1:]
        text[0, -1] = np.random.choice(len(odds), p=odds / odds.sum())

    return step


def _torch(weights: str) -> Callable[[], object]:
    import numpy as np
    import torch

    torch.set_num_threads(1)
    arrays = dict(np.load(weights))
    kind = str(arrays.pop("kind"))
    found = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
    embedding = torch.nn.Embedding.from_pretrained(found.pop("embedding"))
    logits = torch.nn.Linear(*found["logits"].shape[::-1])
    logits.load_state_dict({"weight": found.pop("logits"), "bias": found.pop("logits_bias")})
    units = found["weight_hh_l0"].shape[1]
    layer = getattr(torch.nn, kind)(found["weight_ih_l0"].shape[1], units, batch_first=True)
    layer.load_state_dict(found)
    token, state = torch.tensor([[20]]), None

    def step() -> None:
        nonlocal token, state
        with torch.inference_mode():
            outputs, state = layer(embedding(token), state)
            odds = torch.softmax(logits(outputs[:, -1]) / TEMPERATURE, dim=-1)
            token = torch.multinomial(odds, 1)

    return step


if __name__ == "__main__":
    main(*sys.argv[1:])
