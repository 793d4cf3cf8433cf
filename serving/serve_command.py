"""`keras-serve FOLDER`: the flags of a server, and what they become."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from serving.errors import BadInput
from serving.fleet.settings import MEBIBYTE, Settings, usable_cores
from serving.running.limits import Limits

MOST_WORKERS = 4
"""That are started unasked: each takes some 80 MB."""
EXAMPLES = """\
examples:
  keras-serve models
  keras-serve models --rest-port 9000 --workers 4
  keras-serve --models-config models.config
  curl -d '{"instances": [[1.0, 2.0]]}' http://localhost:8501/v1/models/NAME:predict
  keras-serve config models > models.config          (keras-serve config --help)
  keras-serve predict models/digits photo.png        (keras-serve predict --help)
"""


def parser() -> argparse.ArgumentParser:
    """Returns the parser of a server's flags."""
    parser = argparse.ArgumentParser(
        prog="keras-serve",
        description="Serves every model in a folder by TF Serving's API, without TensorFlow.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_models(parser.add_argument_group("models"))
    _add_reach(parser.add_argument_group("reach"))
    _add_work(parser.add_argument_group("work"))
    _add_limits(parser.add_argument_group("limits"))
    return parser


def settings(arguments: Sequence[str] | None = None) -> Settings:
    """Reads flags.

    Raises:
        BadInput: neither a folder nor a configuration is given, or both.
    """
    options = parser().parse_args(arguments)
    if (options.models is None) == (options.models_config is None):
        raise BadInput("give a folder of models, or --models-config FILE: keras-serve models")
    return Settings(
        models=options.models,
        config=options.models_config,
        config_poll_seconds=options.models_config_poll,
        host=options.host,
        rest_port=options.rest_port,
        grpc_port=options.grpc_port,
        grpc_socket=options.grpc_socket,
        policy=options.model_version_policy,
        poll_seconds=options.poll,
        workers=options.workers or min(usable_cores(), MOST_WORKERS),
        threads=options.threads,
        limits=Limits(
            most_rows=options.batch_rows,
            wait_seconds=options.batch_wait_ms / 1000,
            budget_seconds=options.queue_ms / 1000,
        ),
        rest_timeout_seconds=options.timeout,
        patience_seconds=options.patience,
        slowest_bytes_per_second=options.slowest_kib * 1024,
        rest_body_bytes=int(options.body_mib * MEBIBYTE),
        grpc_message_bytes=int(options.message_mib * MEBIBYTE),
        most_connections=options.connections,
        session_seconds=options.session_seconds,
        grace_seconds=options.grace,
        has_cors=options.cors,
        access_log=options.access_log,
        load_seconds=options.load_timeout,
        allows_labels_for_unavailable=options.labels_for_unavailable,
    )


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "models", nargs="?", type=Path, help="folder with a sub-folder for each model"
    )
    group.add_argument(
        "--models-config", type=Path, metavar="FILE", help="names the models, as TF Serving's does"
    )
    group.add_argument(
        "--models-config-poll",
        type=_seconds,
        default=0.0,
        metavar="S",
        help="read that file again every so many seconds; 0 never (0)",
    )
    group.add_argument(
        "--model-version-policy",
        default="latest",
        metavar="POLICY",
        help="latest, latest:N, all, specific:N,M (latest)",
    )
    group.add_argument(
        "--poll",
        type=_seconds,
        default=1.0,
        metavar="S",
        help="look for new versions every so many seconds; 0 only once (1)",
    )
    group.add_argument(
        "--load-timeout",
        type=_positive_seconds,
        default=120.0,
        metavar="S",
        help="a version that takes longer to be tried is refused (120)",
    )
    group.add_argument(
        "--labels-for-unavailable",
        action="store_true",
        help="a new label may name a version that is not available yet",
    )


def _add_reach(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for everybody (127.0.0.1)")
    group.add_argument(
        "--rest-port", type=_port, default=8501, metavar="PORT", help="0 for any free one (8501)"
    )
    group.add_argument(
        "--grpc-port", type=_port, default=8500, metavar="PORT", help="0 for any free one (8500)"
    )
    group.add_argument(
        "--grpc-socket", type=Path, metavar="PATH", help="answer gRPC on this Unix socket too"
    )
    group.add_argument("--cors", action="store_true", help="pages of other sites may ask too")
    group.add_argument(
        "--access-log", metavar="FILE", help="a JSON line for every request; - for stdout"
    )


def _add_work(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--workers",
        type=_whole(1, 256),
        metavar="N",
        help=f"processes that answer (one for each core, at most {MOST_WORKERS})",
    )
    group.add_argument(
        "--threads",
        type=_whole(1, 256),
        default=1,
        metavar="N",
        help="of ONNX Runtime in each, within one operator (1)",
    )
    group.add_argument(
        "--batch-rows",
        type=_whole(1, 1_000_000),
        default=256,
        metavar="N",
        help="put so many rows together at most (256)",
    )
    group.add_argument(
        "--batch-wait-ms",
        type=_seconds,
        default=0.0,
        metavar="MS",
        help="wait so long for others even where nothing is being computed (0)",
    )
    group.add_argument(
        "--queue-ms",
        type=_positive_seconds,
        default=500.0,
        metavar="MS",
        help="refuse with 503 what would wait longer than this (500)",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--timeout",
        type=_positive_seconds,
        default=30.0,
        metavar="S",
        help="for one REST request, then 504 (30)",
    )
    group.add_argument(
        "--slowest-kib",
        type=_positive_seconds,
        default=16.0,
        metavar="KIB",
        help="close a connection whose body comes, or whose answer is taken, at less a second (16)",
    )
    group.add_argument(
        "--patience",
        type=_positive_seconds,
        default=8.0,
        metavar="S",
        help="but give it so many seconds, and the head of a request as many (8)",
    )
    group.add_argument(
        "--body-mib",
        type=_positive_seconds,
        default=16.0,
        metavar="MIB",
        help="largest body of a REST request, then 413 (16)",
    )
    group.add_argument(
        "--message-mib",
        type=_positive_seconds,
        default=64.0,
        metavar="MIB",
        help="largest gRPC message, then RESOURCE_EXHAUSTED (64)",
    )
    group.add_argument(
        "--connections",
        type=_whole(1, 1_000_000),
        default=4096,
        metavar="N",
        help="open at the same time; of more, REST's wait, and gRPC's least recent goes (4096)",
    )
    group.add_argument(
        "--session-seconds",
        type=_positive_seconds,
        default=600.0,
        metavar="S",
        help="keep a text in the making for its next request (600)",
    )
    group.add_argument(
        "--grace",
        type=_seconds,
        default=30.0,
        metavar="S",
        help="for what is being answered, after SIGTERM (30)",
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:  # NaN neither
        raise argparse.ArgumentTypeError(f"must be at least 0, got {text}")
    return value


def _positive_seconds(text: str) -> float:
    value = _seconds(text)
    if not value:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _port(text: str) -> int:
    return _whole(0, 65535)(text)


def _whole(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be between {least} and {most}, got {text}")
        return int(text)

    return number
