"""Brings versions up and takes them down, as the folders and the policies say.

A version goes through START (seen), LOADING (being tried, then loaded by every worker), AVAILABLE,
UNLOADING and END. An old one is only taken down when a wanted one is available, so a model that
answers goes on answering; a version that fails its trial ends with the error, the next lower one
takes its place, and it is tried again when its files change.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from serving.errors import BadState
from serving.fleet import folders
from serving.fleet.folders import Fingerprint
from serving.fleet.models_config import ModelConfig
from serving.running.states import State, Status

LOG = logging.getLogger(__name__)
RETRY_SECONDS = 60.0
MOST_RETRIES = 5
"""Of a version that could not be loaded though its files are in order."""
DAMAGE = ("DATA_LOSS", "NOT_FOUND")
"""Errors of the files themselves: only other files can help."""
MOST_ENDED = 20
"""Versions of a model that are remembered after their end."""

Key = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of a trial: the hash of the manifest that everything was held to, or an error."""

    sha256: str = ""
    error_code: str = "OK"
    error_message: str = ""


class Workers(Protocol):
    """Those who answer; all of them do the same."""

    async def try_version(self, folder: Path) -> Outcome:
        """Tries a version in a process of its own."""

    async def load(self, name: str, number: int, folder: Path, sha256: str) -> Outcome:
        """Has every worker load a version; the first error counts."""

    async def unload(self, name: str, number: int) -> None:
        """Has every worker let a version go, once nobody is answered by it."""

    def show(self) -> None:
        """Tells every worker the states and labels as they are now."""


@dataclass
class _Tracked:
    folder: Path
    status: Status
    sha256: str = ""
    failed_files: Fingerprint | None = None
    failed_at: float = 0.0
    failures: int = 0
    task: "asyncio.Task[None] | None" = None

    def may_be_tried(self, folder: Path) -> bool:
        """Tells of a version that has ended whether it may do better now."""
        if self.failed_files is None or folder != self.folder:
            return True
        if folders.fingerprint(folder) != self.failed_files:
            return True
        is_damaged = self.status.error_code in DAMAGE
        is_due = time.monotonic() - self.failed_at > RETRY_SECONDS
        return not is_damaged and is_due and self.failures <= MOST_RETRIES


class Versions:
    """All versions of all models, and what becomes of them."""

    def __init__(self, workers: Workers) -> None:
        """Begins with no model."""
        self._workers = workers
        self._configs: dict[str, ModelConfig] = {}
        self._tracked: dict[Key, _Tracked] = {}
        self._wanted: dict[str, set[int]] = {}
        self._changed = asyncio.Condition()

    @property
    def is_settled(self) -> bool:
        """Nothing is being loaded."""
        busy = (State.START, State.LOADING)
        return all(one.status.state not in busy for one in self._tracked.values())

    @property
    def is_ready(self) -> bool:
        """Some model answers, and none is still coming up that has no version that does."""
        available = {name for (name, _), one in self._tracked.items() if _is_available(one)}
        coming = {
            name
            for (name, _), one in self._tracked.items()
            if one.status.state in (State.START, State.LOADING)
        }
        return bool(available) and coming <= available

    def statuses(self) -> dict[str, dict[int, Status]]:
        """Returns the state of every version, by model."""
        found: dict[str, dict[int, Status]] = {}
        for (name, number), one in self._tracked.items():
            found.setdefault(name, {})[number] = one.status
        return found

    def labels(self) -> dict[str, dict[str, int]]:
        """Returns the labels of every model."""
        return {name: dict(config.labels) for name, config in self._configs.items()}

    def follow(self, configs: Iterable[ModelConfig]) -> None:
        """Looks at the folders of these models, and brings up and takes down what that means.

        A folder that cannot be read changes nothing of its model.
        """
        self._configs = {config.name: config for config in configs}
        for name in {name for name, _ in self._tracked} - set(self._configs):
            self._wanted[name] = set()
        for config in self._configs.values():
            try:
                found = folders.versions_in(config.folder)
            except OSError as error:
                LOG.warning("%s cannot be read: %s", config.folder, error.strerror)
                continue
            self._follow_model(config, found)
        for name in list(self._wanted):
            self._retire(name)
        self._workers.show()

    async def settle(self) -> None:
        """Waits until nothing is being loaded."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.is_settled)

    def refuse_labels(
        self, configs: Iterable[ModelConfig], *, allows_new_for_unavailable: bool
    ) -> None:
        """Raises where a label names a version that is not available.

        Raises:
            BadState: it does; an existing label may never move to such a version.
        """
        for config in configs:
            for label, number in config.labels.items():
                tracked = self._tracked.get((config.name, number))
                before = self._configs[config.name].labels if config.name in self._configs else {}
                is_new = before.get(label, number) == number
                if (tracked and _is_available(tracked)) or (allows_new_for_unavailable and is_new):
                    continue
                raise BadState(
                    f"Request to assign label to version {number} of model {config.name}, "
                    "which is not currently available for inference"
                )

    def _follow_model(self, config: ModelConfig, found: Mapping[int, Path]) -> None:
        hopeless = {
            number
            for number, folder in found.items()
            if (one := self._tracked.get((config.name, number)))
            and one.failed_files is not None
            and not one.may_be_tried(folder)
        }
        wanted = config.policy.choose(set(found) - hopeless)
        self._wanted[config.name] = wanted
        for number in wanted:
            one = self._tracked.get((config.name, number))
            if one is None or (one.status.state == State.END and one.task is None):
                self._begin(config.name, number, found[number], one)

    def _begin(self, name: str, number: int, folder: Path, before: _Tracked | None) -> None:
        one = _Tracked(folder, Status(state=State.START))
        one.failures = before.failures if before and before.folder == folder else 0
        self._tracked[name, number] = one
        one.task = asyncio.get_running_loop().create_task(self._bring_up(name, number, one))

    async def _bring_up(self, name: str, number: int, one: _Tracked) -> None:
        LOG.info("loading %s version %d from %s", name, number, one.folder)
        files = folders.fingerprint(one.folder)
        one.status = Status(state=State.LOADING)
        self._workers.show()
        outcome = await self._workers.try_version(one.folder)
        if outcome.error_code == "OK":
            one.sha256 = outcome.sha256
            outcome = await self._workers.load(name, number, one.folder, one.sha256)
        one.task = None
        if outcome.error_code == "OK":
            LOG.info("%s version %d is available", name, number)
            one.status = Status(state=State.AVAILABLE)
        else:
            LOG.error("%s version %d is refused: %s", name, number, outcome.error_message)
            one.failed_files, one.failed_at = files, time.monotonic()
            one.failures += 1
            one.status = Status(
                state=State.END,
                error_code=outcome.error_code,
                error_message=outcome.error_message,
            )
        self._retire(name)
        self._workers.show()
        await self._notify()

    def _retire(self, name: str) -> None:
        """Takes down what is not wanted, if what is wanted answers, or nothing is wanted."""
        wanted = self._wanted.get(name, set())
        own = {number: one for (model, number), one in self._tracked.items() if model == name}
        if wanted and not any(_is_available(own[n]) for n in wanted if n in own):
            return
        for number, one in own.items():
            if number not in wanted and _is_available(one):
                one.status = Status(state=State.UNLOADING)
                one.task = asyncio.get_running_loop().create_task(
                    self._take_down(name, number, one)
                )
        self._forget(name, own)

    async def _take_down(self, name: str, number: int, one: _Tracked) -> None:
        LOG.info("unloading %s version %d", name, number)
        self._workers.show()
        await self._workers.unload(name, number)
        one.status, one.task = Status(state=State.END), None
        self._retire(name)  # a model that is no more is forgotten with its last version
        self._workers.show()
        await self._notify()

    def _forget(self, name: str, own: Mapping[int, _Tracked]) -> None:
        """Drops the oldest of many ended versions, and all of a model that is no more."""
        ended = [n for n, one in own.items() if one.status.state == State.END and not one.task]
        is_gone = name not in self._configs
        for number in sorted(ended) if is_gone else sorted(ended)[:-MOST_ENDED]:
            del self._tracked[name, number]
        if is_gone and len(ended) == len(own):
            self._wanted.pop(name, None)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _is_available(one: _Tracked) -> bool:
    return one.status.state == State.AVAILABLE
