"""`keras-serve`: a server, or one answer, from bundles, on ONNX Runtime."""

import argparse
import sys
from collections.abc import Callable, Sequence

from serving.errors import BadInput, NotFound, ServingError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0 done, 1 the bundle cannot answer, 2 bad input, 130 stopped by Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    run = _COMMANDS.get(words[0]) if words else None
    try:
        return run(words) if run else _serve(words)
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


def _serve(words: Sequence[str]) -> int:
    from serving import serve_command

    settings = serve_command.settings(words)
    from serving.fleet.entries import begin_preloading

    begin_preloading()  # on another core, while the supervisor is imported here
    from serving.fleet import supervisor

    return supervisor.serve(settings)


def _predict(words: Sequence[str]) -> int:
    from serving import one_answer

    parser = argparse.ArgumentParser(prog="keras-serve")
    one_answer.add_to(parser.add_subparsers(required=True))
    options = parser.parse_args(words)
    options.run(options)
    return 0


def _config(words: Sequence[str]) -> int:
    from serving import config_command

    return config_command.run(words[1:])


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"predict": _predict, "config": _config}
"""By the first word; whatever is none of them is a folder of models (`./predict` too)."""

if __name__ == "__main__":
    sys.exit(main())
