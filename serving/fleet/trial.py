"""A version is tried in a process that is thrown away, before any worker opens it.

Every file is held to its hash, every graph is loaded, and the golden outputs are recomputed. A
graph that crashes ONNX Runtime, eats memory or never ends takes only that process with it.
"""

import gc
import hashlib
import os
import resource
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from serving import bundle_json, integrity
from serving.errors import DamagedBundle, ServingError
from serving.model import Model

EXTRA_MEMORY_BYTES = 2**30
"""That a trial may use beyond `MEMORY_PER_BYTE` for each byte of the bundle."""
MEMORY_PER_BYTE = 8
STATM = Path("/proc/self/statm")


def run(folder: str, seconds: float, result: Connection) -> None:
    """Tries a bundle and sends what came of it.

    Args:
        folder: the bundle.
        seconds: after which the process ends itself.
        result: gets `{"sha256": of the manifest}`, or `{"code": …, "error": …}`.
    """
    gc.enable()  # it was not while modules were imported; see `preload`
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        result.send({"sha256": try_bundle(Path(folder))})
    except ServingError as error:
        result.send({"code": error.grpc_code, "error": str(error)})
    except MemoryError:
        result.send({"code": "RESOURCE_EXHAUSTED", "error": "it needs too much memory"})
    except Exception as error:  # whatever a damaged file makes a library raise
        result.send({"code": "DATA_LOSS", "error": f"it cannot be read: {error!r}"})


def try_bundle(folder: Path) -> str:
    """Checks everything that a bundle promises.

    Returns:
        SHA-256 of the manifest that everything was held to.

    Raises:
        NotFound: there is no bundle.
        DamagedBundle: it does not keep a promise.
    """
    content = bundle_json.content_of(folder)
    manifest = bundle_json.from_bytes(content, folder / bundle_json.MANIFEST)
    differing = integrity.differences(folder, manifest)
    if differing:
        more = f", and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise DamagedBundle(f"{', '.join(differing[:3])}{more}")
    size = sum(file.bytes for file in manifest.files.values())
    _limit_memory(EXTRA_MEMORY_BYTES + MEMORY_PER_BYTE * size)
    model = Model(folder, manifest)
    if not any(signature.onnx for signature in manifest.signatures):
        raise DamagedBundle("it has a SavedModel alone, which TF Serving serves")
    faults = model.check_golden().faults
    if faults:
        raise DamagedBundle(f"its golden outputs are not repeated: {faults[0]}")
    for signature in manifest.signatures:
        if signature.onnx:  # one without golden outputs is loaded at least
            model.session(signature.name)
    return hashlib.sha256(content).hexdigest()


def _limit_memory(further_bytes: int) -> None:
    """Limits the process to what it has, and so much more, where the system tells what that is."""
    if not STATM.exists():
        return
    pages = int(STATM.read_text(encoding="ascii").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + further_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
