"""Which models there are, in which versions and states, and which version a request means."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.errors import BadInput, NotFound
from serving.running.states import State, Status
from serving.running.version import Version


@dataclass
class _Entry:
    statuses: dict[int, Status] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    served: dict[int, Version] = field(default_factory=dict)


class Catalog:
    """The models of a worker.

    Attributes:
        is_ready: every model that was there at the start has answered or failed.
        is_stopping: the worker ends as soon as it has answered what has begun.
        next_change: is set once any of this is not as it was.
    """

    def __init__(self) -> None:
        """Begins empty."""
        self._entries: dict[str, _Entry] = {}
        self._loaded: dict[tuple[str, int], Version] = {}
        self.is_ready = self.is_stopping = False
        self.next_change = asyncio.Event()

    def add(self, version: Version) -> None:
        """Takes a version in; it is found once `show` says that it is available."""
        self._loaded[version.name, version.number] = version

    def remove(self, name: str, number: int) -> Version | None:
        """Takes a version out, and returns it for those that still hold it to finish."""
        return self._loaded.pop((name, number), None)

    def show(
        self,
        statuses: Mapping[str, Mapping[int, Status]],
        labels: Mapping[str, Mapping[str, int]],
        *,
        is_ready: bool,
    ) -> None:
        """Replaces everything that is said of models and versions, at once.

        Args:
            statuses: by model and version.
            labels: by model: which version a label means.
            is_ready: every model that was there at the start has answered or failed.
        """
        self._entries = {
            name: _Entry(
                statuses=dict(versions),
                labels=dict(labels.get(name, {})),
                served={
                    number: self._loaded[name, number]
                    for number, status in versions.items()
                    if status.state == State.AVAILABLE and (name, number) in self._loaded
                },
            )
            for name, versions in statuses.items()
        }
        self.is_ready = is_ready
        self._tell()

    def stop(self) -> None:
        """Nothing new is to come any more."""
        self.is_ready, self.is_stopping = False, True
        self._tell()

    def find(self, name: str, number: int | None = None, label: str | None = None) -> Version:
        """Returns the version that a request means: the highest one where it names none.

        Raises:
            BadInput: no model is named, or there is no such label.
            NotFound: no such model or version is available.
        """
        if not name:
            raise BadInput("ModelSpec has no name specified.")
        entry = self._entries.get(name) or _Entry()
        if label:
            number = self._labelled(entry, label)
        if number is None and entry.served:
            return entry.served[max(entry.served)]
        if number is not None and number in entry.served:
            return entry.served[number]
        wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
        raise NotFound(f"Servable not found for request: {wanted}")

    def statuses(
        self, name: str, number: int | None = None, label: str | None = None
    ) -> dict[int, Status]:
        """Returns the states of a model's versions, the highest first, or of one version.

        Raises:
            BadInput: there is no such label.
            NotFound: there is no such model or version.
        """
        entry = self._entries.get(name) or _Entry()
        if label:
            number = self._labelled(entry, label)
        if number is not None:
            if number not in entry.statuses:
                raise NotFound(f"Could not find version {number} of model {name}")
            return {number: entry.statuses[number]}
        if not entry.statuses:
            raise NotFound(f"Could not find any versions of model {name}")
        return {number: entry.statuses[number] for number in sorted(entry.statuses, reverse=True)}

    def names(self) -> list[str]:
        """Returns the names of all models, in order."""
        return sorted(self._entries)

    def labels(self, name: str) -> dict[str, int]:
        """Returns which version each label of a model means."""
        return dict(self._entries[name].labels) if name in self._entries else {}

    def _tell(self) -> None:
        self.next_change.set()
        self.next_change = asyncio.Event()

    def _labelled(self, entry: _Entry, label: str) -> int:
        if label not in entry.labels:
            raise BadInput(f"Unrecognized servable version label: {label}")
        return entry.labels[label]
