"""A recurrent network beside nanoGPT on the same text and the same cores, for as long as it takes.

    python -m benchmarks.nanogpt NANOGPT --torch PYTHON --text tinyshakespeare.txt

NANOGPT is a checkout of karpathy/nanoGPT, PYTHON an interpreter with PyTorch and tiktoken. First
nanoGPT trains by the recipe for a CPU that its README publishes (4 layers, 128 wide, 2,000
iterations), and is timed as a whole process with its evaluations. Then `keras-train text` trains a
preset. Both learn from the first 90 % of the text, of which ours sets 2 % aside to choose its epoch
by, and neither sees the last 10 % before it is scored on it: nanoGPT on random windows of 64
characters, as it prints, ours on all of it.
"""

import argparse
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPE = (
    "--device=cpu --compile=False --eval_iters=20 --log_interval=1000 --block_size=64 "
    "--batch_size=12 --n_layer=4 --n_head=4 --n_embd=128 --max_iters=2000 --lr_decay_iters=2000 "
    "--dropout=0.0"
)
"""From nanoGPT's README, "I only have a macbook"; only the log is shorter."""
ROOT = Path(__file__).parent.parent


def main() -> int:
    """Trains both, and prints time and nats per character of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("nanogpt", type=Path, help="a checkout of karpathy/nanoGPT")
    parser.add_argument("--torch", metavar="PYTHON", required=True, help="has PyTorch, tiktoken")
    parser.add_argument("--text", type=Path, required=True, help="a UTF-8 text file")
    parser.add_argument("--preset", default="shakespeare", help="of ours (shakespeare)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        theirs = _nanogpt(options, Path(place) / "nanogpt")
        ours = _ours(options, Path(place) / "run")
    print(f"{'':24} {'seconds':>8} {'nats per character':>20}")
    for name, (seconds, nats) in {"nanoGPT": theirs, f"preset {options.preset}": ours}.items():
        print(f"{name:24} {seconds:8.0f} {nats:20.4f}")
    return 0


def _nanogpt(options: argparse.Namespace, place: Path) -> tuple[float, float]:
    shutil.copytree(options.nanogpt, place, ignore=shutil.ignore_patterns(".git"))
    _prepare(options.text.read_text(encoding="utf-8"), place / "data" / "shakespeare_char")
    command = [options.torch, "train.py", "config/train_shakespeare_char.py", *RECIPE.split()]
    seconds, output = _timed(command, place)
    steps = re.findall(r"step (\d+): train loss [\d.]+, val loss ([\d.]+)", output)
    return seconds, float(steps[-1][1])


def _prepare(text: str, folder: Path) -> None:
    """What nanoGPT's own data/shakespeare_char/prepare.py leaves, without its download."""
    import numpy as np

    characters = sorted(set(text))
    numbers = {character: number for number, character in enumerate(characters)}
    tokens = np.array([numbers[character] for character in text], np.uint16)
    split = int(len(tokens) * 0.9)
    tokens[:split].tofile(folder / "train.bin")
    tokens[split:].tofile(folder / "val.bin")
    meta = {"vocab_size": len(characters), "itos": dict(enumerate(characters)), "stoi": numbers}
    (folder / "meta.pkl").write_bytes(pickle.dumps(meta))


def _ours(options: argparse.Namespace, run: Path) -> tuple[float, float]:
    flags = ["text", "--preset", options.preset, "--data", str(options.text.resolve())]
    seconds, _ = _timed([sys.executable, "-m", "train", *flags, "--run", str(run)], ROOT)
    test = json.loads((run / "metrics.json").read_text())["test"]
    return seconds, float(test["nats_per_character"])


def _timed(command: list[str], place: Path) -> tuple[float, str]:
    sys.stderr.write(f"$ {' '.join(command)}\n")
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=place,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return time.monotonic() - began, done.stdout


if __name__ == "__main__":
    sys.exit(main())
