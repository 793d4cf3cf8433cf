"""The process that a person starts: it listens, watches the folders, and keeps the crew going."""

import asyncio
import base64
import contextlib
import logging
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from serving import metrics, tracing
from serving.api import access_log
from serving.errors import BadInput, NotFound, ServingError
from serving.fleet import folders, listening, models_config, policy, scratch
from serving.fleet.crew import Crew
from serving.fleet.models_config import ModelConfig
from serving.fleet.sessions import Sessions
from serving.fleet.settings import Settings
from serving.fleet.versions import Versions
from serving.running.states import State
from serving.wire.messages import serving

LOG = logging.getLogger(__name__)
ACCEPT_AGAIN_SECONDS = 1.0
"""After the system had no place for another connection."""


def serve(settings: Settings) -> int:
    """Runs a server until a signal ends it.

    Returns:
        0 once all that was begun is answered, 1 if some of it was not.

    Raises:
        NotFound: the folder of models, or the configuration, is not there.
        BadInput: an address cannot be had, or the configuration cannot be read.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _first_look(settings)
    settings = replace(settings, most_connections=_possible(settings.most_connections))
    with contextlib.ExitStack() as stack:
        reserved = stack.enter_context(listening.reserved(settings.host, settings.grpc_port))
        settings = replace(settings, grpc_port=reserved.getsockname()[1])
        listener = listening.bound(settings.host, settings.rest_port)
        path = settings.grpc_socket
        grpc_socket = stack.enter_context(listening.unix_socket(path)) if path else None
        return asyncio.run(_Supervisor(settings, listener, grpc_socket).run())


class _Supervisor:
    def __init__(
        self, settings: Settings, listener: socket.socket, grpc_socket: socket.socket | None
    ) -> None:
        self._settings, self._listener = settings, listener
        self._configs: list[ModelConfig] | None = None
        self._crew = Crew(settings, grpc_socket)
        self._versions = Versions(self._crew)
        self._sessions = Sessions(settings.session_seconds)
        self._signals = 0
        self._ended: asyncio.Event
        self._is_accepting = False

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        self._crew.state = self._state
        self._crew.answer = self._answer
        self._crew.placement.on_room = self._accept_again
        watching = loop.create_task(self._watch())
        await self._crew.start()
        self._announce()
        saying = loop.create_task(self._say_when_ready())
        await self._ended.wait()
        watching.cancel()
        saying.cancel()
        return await self._end()

    def _announce(self) -> None:
        host, port = self._listener.getsockname()[:2]
        sys.stderr.write(f"keras-serve: REST on {host}:{port}\n")
        sys.stderr.write(f"keras-serve: gRPC on {self._settings.host}:{self._settings.grpc_port}\n")
        if self._settings.grpc_socket is not None:
            sys.stderr.write(f"keras-serve: gRPC on unix:{self._settings.grpc_socket}\n")
        sys.stderr.flush()

    async def _say_when_ready(self) -> None:
        """Tells a person, once, what came of the versions that were there at the start."""
        await self._versions.settle()
        await self._crew.open()
        found = [
            f"{name} {number}"
            for name, versions in sorted(self._versions.statuses().items())
            for number, one in sorted(versions.items())
            if one.state == State.AVAILABLE
        ]
        sys.stderr.write(f"keras-serve: ready: {', '.join(found) or 'no model yet'}\n")
        sys.stderr.flush()

    async def _watch(self) -> None:
        since_config = 0.0
        while True:
            if self._configs is None or self._is_config_due(since_config):
                self._read_config()
                since_config = 0.0
            try:
                self._versions.follow(self._wanted())
            except OSError as error:
                LOG.warning("%s cannot be read: %s", self._settings.models, error.strerror)
            except Exception:  # the watch goes on, whatever one look at the folders came to
                LOG.exception("the folders could not be looked at")
            if not self._settings.poll_seconds:
                return
            await asyncio.sleep(self._settings.poll_seconds)
            since_config += self._settings.poll_seconds

    def _is_config_due(self, seconds: float) -> bool:
        period = self._settings.config_poll_seconds
        return bool(self._settings.config and period and seconds >= period)

    def _read_config(self) -> None:
        if self._settings.config is None:
            return
        try:
            self._configs = _config(self._settings.config)
        except ServingError as error:
            LOG.error("the models stay as they are: %s", error)

    def _wanted(self) -> list[ModelConfig]:
        if self._configs is not None:
            return self._configs
        chosen = policy.parse(self._settings.policy)
        return [
            ModelConfig(name=name, folder=folder, policy=chosen)
            for name, folder in folders.models_in(self._settings.models or Path()).items()
        ]

    def _state(self) -> dict[str, Any]:
        return {
            "statuses": {
                name: {
                    number: (int(one.state), one.error_code, one.error_message)
                    for number, one in versions.items()
                }
                for name, versions in self._versions.statuses().items()
            },
            "labels": self._versions.labels(),
            "is_ready": self._versions.is_ready and not self._signals,
        }

    async def _answer(self, message: Any) -> Any:
        if message["do"] == "reload":
            return await self._reload(base64.b64decode(message["config"]))
        if message["do"].endswith("_session"):
            return self._session(message)
        states = {
            "keras_serve_model_state": [
                [[name, str(number)], int(one.state)]
                for name, versions in self._versions.statuses().items()
                for number, one in versions.items()
            ]
        }
        return metrics.added([await self._crew.metrics(), states])

    def _session(self, message: Any) -> dict[str, Any]:
        """Takes, keeps or drops the state of a text in the making."""
        if message["do"] != "take_session":
            self._sessions.give_back(message["key"], message.get("state"))
            return {}
        try:
            return {"state": self._sessions.take(message["key"])}
        except ServingError as error:
            return {"error": str(error)}

    async def _reload(self, content: bytes) -> tuple[str, str]:
        """Takes another configuration, and waits until its versions answer or fail."""
        try:
            configs = models_config.from_message(serving("ModelServerConfig").FromString(content))
            for config in configs:
                if not config.folder.is_dir():
                    raise NotFound(f"Could not find base path {config.folder} for {config.name}")
            current = self._versions.labels()
            self._configs = [replace(one, labels=current.get(one.name, {})) for one in configs]
            self._versions.follow(self._configs)
            await self._versions.settle()
            self._versions.refuse_labels(
                configs, allows_new_for_unavailable=self._settings.allows_labels_for_unavailable
            )
        except ServingError as error:
            return error.grpc_code, str(error)
        self._configs = configs
        self._versions.follow(configs)
        await self._crew.show_all()  # so that a label has moved wherever it is asked for next
        return "OK", ""

    def _accept_again(self) -> None:
        if self._is_accepting or self._signals or not self._crew.placement.can_take:
            return
        self._is_accepting = True
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _pause_accepting(self) -> None:
        self._is_accepting = False
        asyncio.get_running_loop().remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        while self._crew.placement.can_take:
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                LOG.error("no connection can be accepted just now: %s", error.strerror)
                self._pause_accepting()
                asyncio.get_running_loop().call_later(ACCEPT_AGAIN_SECONDS, self._accept_again)
                return
            self._crew.placement.take(connection)
        self._pause_accepting()

    def _signalled(self) -> None:
        self._signals += 1
        if self._signals == 1:
            LOG.info("stopping: what has begun is still answered; a second signal ends it at once")
            self._crew.show()
            self._ended.set()
        else:
            self._crew.kill()
            scratch.remove()
            if self._settings.grpc_socket is not None:
                self._settings.grpc_socket.unlink(missing_ok=True)
            os._exit(1)

    async def _end(self) -> int:
        self._accept()  # who has connected already is not turned away
        if self._is_accepting:
            self._pause_accepting()
        self._listener.close()
        is_clean = await self._crew.stop(self._settings.grace_seconds)
        return 0 if is_clean else 1


def _possible(connections: int) -> int:
    """Returns how many connections there can be; says so where they are fewer than wanted."""
    possible = listening.allow_connections(connections)
    if possible < connections:
        LOG.warning(
            "%d connections at a time, not %d: the system allows no more open files (ulimit -n)",
            possible,
            connections,
        )
    return possible


def _first_look(settings: Settings) -> None:
    """Finds out what a person should be told before anything is started."""
    policy.parse(settings.policy)
    access_log.open_log(settings.access_log)
    tracing.check()
    if settings.config is not None:
        _config(settings.config)
    elif settings.models is not None:
        try:
            folders.models_in(settings.models)
        except FileNotFoundError as error:
            raise NotFound(f"there is no folder {settings.models}") from error
        except OSError as error:
            raise BadInput(f"{settings.models} cannot be read: {error.strerror}") from error


def _config(path: Path) -> list[ModelConfig]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    return models_config.parse(text)
