"""Which of the versions in a model's folder are served, as TF Serving's policies say."""

from collections.abc import Iterable
from dataclasses import dataclass

from serving.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A version policy.

    Attributes:
        latest: so many of the highest versions; None for another policy.
        specific: these versions; None for another policy. With neither, all are served.
    """

    latest: int | None = None
    specific: tuple[int, ...] | None = None

    def choose(self, versions: Iterable[int]) -> set[int]:
        """Returns those that are served."""
        found = set(versions)
        if self.latest is not None:
            return set(sorted(found, reverse=True)[: self.latest])
        return found if self.specific is None else found & set(self.specific)


LATEST = Policy(latest=1)
ALL = Policy()


def parse(text: str) -> Policy:
    """Reads a policy as the flag has it: `latest`, `latest:N`, `all`, `specific:N,M`.

    Raises:
        BadInput: it is none of them.
    """
    kind, _, rest = text.partition(":")
    numbers = [number for number in rest.split(",") if number]
    if all(number.isascii() and number.isdigit() for number in numbers):
        versions = tuple(map(int, numbers))
        if kind == "latest" and (not rest or (len(versions) == 1 and versions[0] > 0)):
            return Policy(latest=versions[0] if versions else 1)
        if kind == "all" and not rest:
            return ALL
        if kind == "specific" and versions:
            return Policy(specific=versions)
    raise BadInput(f"{text!r} is no version policy: it is latest, latest:N, all, or specific:N,M,…")
