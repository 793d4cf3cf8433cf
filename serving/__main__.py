"""`keras-serve`: answers from a bundle, on ONNX Runtime."""

import argparse
import json
import sys
from collections.abc import Sequence

from serving.errors import BadInput, NotFound, ServingError

EPILOG = """\
examples:
  keras-serve predict models/digits photo.png
  keras-serve predict models/digits a.png b.jpg --top 5
  keras-serve predict models/digits/3 photo.png --json

A model's folder stands for its highest version. TensorFlow is not needed.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0 done, 1 the bundle cannot answer, 2 bad input.
    """
    options = _parser().parse_args(arguments)
    try:
        return _predict(options)
    except (BadInput, NotFound) as error:
        sys.stderr.write(f"keras-serve: error: {error}\n")
        return 2
    except ServingError as error:
        sys.stderr.write(f"keras-serve: error: {error}\n")
        return 1
    except BrokenPipeError:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-serve",
        description="Answers from a bundle that keras-export published.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="predict")
    predict = commands.add_parser(
        "predict",
        help="classify image files, without a server",
        description="Classifies PNG and JPEG files.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    predict.add_argument("model", help="a bundle, or a model's folder: its highest version")
    predict.add_argument("images", nargs="+", help="PNG or JPEG files")
    predict.add_argument("--top", type=int, default=3, help="classes to print for each (3)")
    predict.add_argument("--json", action="store_true", help="print one JSON object per image")
    return parser


def _predict(options: argparse.Namespace) -> int:
    from serving.model import load

    if options.top < 1:
        raise BadInput(f"--top must be at least 1, got {options.top}")
    model = load(options.model)
    signature = model.manifest.signature("serving_default")
    takes_image = [t.name for t in signature.inputs if t.codec and t.codec.name == "image"]
    gives_classes = [
        t.name for t in signature.outputs if t.codec and t.codec.name == "probabilities"
    ]
    if len(signature.inputs) != 1 or not takes_image or not gives_classes:
        raise BadInput(f"{model.manifest.name} is no image classifier: call it from Python instead")
    answers = model.predict("serving_default", **{takes_image[0]: list(options.images)})
    ranked = model.readable(answers)[gives_classes[0]]
    for image, classes in zip(options.images, ranked, strict=True):
        _print(image, classes[: options.top], as_json=options.json, several=len(ranked) > 1)
    return 0


def _print(image: str, classes: list[tuple[str, float]], *, as_json: bool, several: bool) -> None:
    if as_json:
        print(json.dumps({"image": image, "classes": dict(classes)}, ensure_ascii=False))
        return
    if several:
        print(image)
    width = max(len(name) for name, _ in classes)
    for name, probability in classes:
        print(f"{name:<{width}}  {probability:7.2%}")


if __name__ == "__main__":
    sys.exit(main())
