"""What `keras-serve` can be told, as its flags say it."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from serving.running.limits import Limits

MEBIBYTE = 2**20


def usable_cores() -> int:
    """Returns how many cores this process may use: its affinity, and its control group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _quota_cores(Path("/sys/fs/cgroup/cpu.max"))
    return max(1, min(cores or 1, int(quota) or 1))


def _quota_cores(path: Path) -> float:
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return float(quota) / float(period) if quota != "max" else float("1e9")
    except (OSError, ValueError):
        return float("1e9")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a server.

    Attributes:
        models: the folder whose sub-folders are models, or None where `config` names them.
        config: a models.config as TF Serving reads it, or None.
        config_poll_seconds: how often it is read again; 0 for never.
        host: address to listen on.
        rest_port, grpc_port: 0 for any free one.
        grpc_socket: path of a Unix socket where gRPC is answered too, or None.
        policy: which versions are served: `latest`, `latest:N`, `all`, `specific:N,M`.
        poll_seconds: how often the folders are looked at; 0 for once.
        workers: processes that answer.
        threads: of ONNX Runtime in each, within one operator.
        limits: how requests are put together.
        rest_timeout_seconds: after which a REST request is answered with 504.
        patience_seconds: for the head of a REST request, for its body and for its answer beyond
            the slowest pace.
        slowest_bytes_per_second: at which bodies must come, and answers be taken.
        rest_body_bytes, grpc_message_bytes: the largest that are taken.
        most_connections: open at the same time: of REST in all, and more wait; of gRPC in each
            worker, and for more those go whose last answer is the longest ago.
        session_seconds: how long a text in the making is kept for its next request.
        grace_seconds: for what is being answered, after SIGTERM.
        has_cors: other sites' pages may call the REST API.
        access_log: a file, `-` for stdout, or None.
        load_seconds: the longest that trying a version may take.
        allows_labels_for_unavailable: a new label may name a version that is not available.
    """

    models: Path | None = None
    config: Path | None = None
    config_poll_seconds: float = 0.0
    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    grpc_socket: Path | None = None
    policy: str = "latest"
    poll_seconds: float = 1.0
    workers: int = 1
    threads: int = 1
    limits: Limits = field(default_factory=Limits)
    rest_timeout_seconds: float = 30.0
    patience_seconds: float = 8.0
    slowest_bytes_per_second: float = 16 * 1024
    rest_body_bytes: int = 16 * MEBIBYTE
    grpc_message_bytes: int = 64 * MEBIBYTE
    most_connections: int = 4096
    session_seconds: float = 600.0
    grace_seconds: float = 30.0
    has_cors: bool = False
    access_log: str | None = None
    load_seconds: float = 120.0
    allows_labels_for_unavailable: bool = False
