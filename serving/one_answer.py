"""`keras-serve predict`: one answer on the terminal, without a server.

What is asked and printed follows from the model's signatures and the codecs of their tensors:
classes for image files, a text that goes on for a prompt, a picture of made images.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from serving.characters import CHARACTERS
from serving.errors import BadInput

EXAMPLES = """\
examples:
  keras-serve predict models/digits photo.png
  keras-serve predict models/digits a.png b.jpg --top 5
  keras-serve predict models/digits/3 photo.png --json
  keras-serve predict models/shakespeare --prompt "ROMEO:" --length 500
  keras-serve predict models/gan --label 7 --seed 1 --count 16 --out grid.png

A model's folder stands for its highest version. TensorFlow is not needed.
"""
NO_MAGIC = (
    "give PNG or JPEG files to a classifier, --prompt to a text generator, "
    "or --out to a generator of images"
)
EVERY_CLASS = -1


def add_to(commands: Any) -> None:
    """Adds `predict` to the commands of `keras-serve`."""
    parser = commands.add_parser(
        "predict",
        help="one answer, without a server",
        description="Classifies PNG and JPEG files, goes on with a text, or makes images.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", help="a bundle, or a model's folder: its highest version")
    images = parser.add_argument_group("image classifiers")
    images.add_argument("images", nargs="*", help="PNG or JPEG files")
    images.add_argument("--top", type=int, default=3, help="classes to print for each (3)")
    images.add_argument("--json", action="store_true", help="print one JSON object per image")
    text = parser.add_argument_group("text generators")
    text.add_argument("--prompt", help="what the text begins with; - reads it from standard input")
    text.add_argument("--length", type=int, default=500, help="tokens to make (500)")
    text.add_argument(
        "--temperature", type=float, default=0.8, help="0 takes the likeliest always (0.8)"
    )
    text.add_argument("--top-k", type=int, default=0, help="only the likeliest K; 0 for all (0)")
    text.add_argument(
        "--top-p", type=float, default=1.0, help="only the likeliest that make up this share (1)"
    )
    made = parser.add_argument_group("generators of images")
    made.add_argument("--out", help="the PNG file to write: a grid of the images")
    made.add_argument("--count", type=int, default=16, help="images to make (16)")
    made.add_argument("--label", help="the class to make; each in turn without")
    parser.add_argument(
        "--seed", type=int, default=0, help="of texts and images: the same gives the same (0)"
    )


def run(options: argparse.Namespace) -> None:
    """Answers.

    Raises:
        ServingError: what was given cannot be answered by this model, or not at all.
    """
    from serving.model import load

    model = load(options.model)
    codecs = {codec.name for t in model.manifest.signatures[0].inputs if (codec := t.codec)}
    if options.prompt is not None:
        _go_on(model, options)
    elif "sample" in {signature.name for signature in model.manifest.signatures}:
        _make_images(model, options)
    elif options.out is not None:
        raise BadInput(f"{model.manifest.name} makes no images, so there is nothing for --out")
    elif CHARACTERS in codecs:
        raise BadInput(f"{model.manifest.name} is a text generator: give it a --prompt")
    else:
        _classify(model, options)


def _classify(model: Any, options: argparse.Namespace) -> None:
    if options.top < 1:
        raise BadInput(f"--top must be at least 1, got {options.top}")
    signature = model.manifest.signature("serving_default")
    takes_image = [t.name for t in signature.inputs if t.codec and t.codec.name == "image"]
    gives_classes = [
        t.name for t in signature.outputs if t.codec and t.codec.name == "probabilities"
    ]
    if len(signature.inputs) != 1 or not takes_image or not gives_classes:
        raise BadInput(f"{model.manifest.name} is no image classifier: call it from Python instead")
    if not options.images:
        raise BadInput(f"nothing to answer: {NO_MAGIC}")
    answers = model.predict("serving_default", **{takes_image[0]: list(options.images)})
    ranked = model.readable(answers)[gives_classes[0]]
    for image, classes in zip(options.images, ranked, strict=True):
        _print(image, classes[: options.top], as_json=options.json, several=len(ranked) > 1)


def _print(image: str, classes: list[tuple[str, float]], *, as_json: bool, several: bool) -> None:
    if as_json:
        _write(json.dumps({"image": image, "classes": dict(classes)}, ensure_ascii=False) + "\n")
        return
    if several:
        _write(f"{image}\n")
    width = max(len(name) for name, _ in classes)
    for name, probability in classes:
        _write(f"{name:<{width}}  {probability:7.2%}\n")


def _go_on(model: Any, options: argparse.Namespace) -> None:
    """Prints the prompt, and what follows it as it is made."""
    if options.images:
        raise BadInput(f"either image files or a --prompt: {NO_MAGIC}")
    prompt = options.prompt if options.prompt != "-" else _standard_input()
    pieces = model.stream(
        prompt,
        length=options.length,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
    )
    _write(prompt)
    for piece in pieces:
        _write(piece)
    _write("\n")


def _make_images(model: Any, options: argparse.Namespace) -> None:
    """Writes a grid of images of a seed, and says where."""
    from serving import picture_grid

    if options.images:
        raise BadInput(f"{model.manifest.name} makes images, and takes no image files: {NO_MAGIC}")
    if options.out is None:
        raise BadInput(f"{model.manifest.name} makes images: name the PNG file for them with --out")
    wishes = {"seed": options.seed, "count": options.count}
    if any(tensor.name == "label" for tensor in model.manifest.signature("sample").inputs):
        wishes["label"] = EVERY_CLASS if options.label is None else options.label
    elif options.label is not None:
        raise BadInput(f"{model.manifest.name} makes images of no class: leave out --label")
    content = picture_grid.png(model.predict("sample", **wishes)["image"])
    path = Path(options.out)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {os.strerror(error.errno or 0)}") from error
    _write(f"{path}\n")


def _standard_input() -> str:
    content = sys.stdin.buffer.read()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"standard input is no UTF-8 at byte {error.start}") from error


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
