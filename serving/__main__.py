"""`keras-serve`: answers from a bundle, on ONNX Runtime."""

import argparse
import sys
from collections.abc import Sequence

from serving import one_answer
from serving.errors import BadInput, NotFound, ServingError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0 done, 1 the bundle cannot answer, 2 bad input, 130 stopped by Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (BadInput, NotFound) as error:
        sys.stderr.write(f"keras-serve: error: {error}\n")
        return 2
    except ServingError as error:
        sys.stderr.write(f"keras-serve: error: {error}\n")
        return 1
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads on: no word about it at exit either
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-serve",
        description="Answers from a bundle that keras-export published.",
        epilog=one_answer.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="predict")
    one_answer.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
