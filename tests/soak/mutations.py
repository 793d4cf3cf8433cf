"""M3: bundles whose graphs are damaged at random, each tried as a server does.

    python -m tests.soak.mutations 0        # a round, by its number

A process of its own, and nothing imported here at first: what it imports, every trial would.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

MUTATIONS = 500
"""In a round."""
SECONDS = 10.0
"""That a trial may take."""


def main():
    """Prints what came of a round, and nothing else: damaged graphs make libraries talk."""
    with os.fdopen(os.dup(1), "w") as stdout:
        os.dup2(2, 1)
        stdout.write(json.dumps(asyncio.run(tried(int(sys.argv[1])))))


async def tried(number):
    """Returns an `Outcome` as a dictionary."""
    import multiprocessing

    import numpy as np

    from serving.fleet import trying
    from tests.serving.networks import pixels, series, slow, sums
    from tests.serving.written_bundles import write_bundle

    random = np.random.default_rng([3, number])
    counts = {"refused": 0, "crashed alone": 0, "harmless": 0}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["serving.fleet.preload"])
    builds, hung = [pixels, series, slow, sums], []
    with tempfile.TemporaryDirectory() as temporary:
        for one in range(MUTATIONS):
            build = builds[one % len(builds)]
            folder = write_bundle(Path(temporary) / str(one) / build.__name__ / "1", build())
            for graph in sorted((folder / "onnx").iterdir()):
                graph.write_bytes(damaged(graph.read_bytes(), random))
            reseal(folder)
            code = (await trying.try_version(context, folder, SECONDS)).error_code
            if code == "DEADLINE_EXCEEDED":
                hung.append(f"mutation {one} of round {number} hung")
            kind = {"OK": "harmless", "ABORTED": "crashed alone"}.get(code, "refused")
            counts[kind] += 1
    return {"done": MUTATIONS, "faults": hung, "figures": counts}


def reseal(folder):
    """Makes a bundle's manifest right for what its files are now."""
    from serving import bundle_json, integrity

    path = folder / bundle_json.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"] = {
        name: {"bytes": file.bytes, "sha256": file.sha256}
        for name, file in integrity.describe_all(folder).items()
    }
    path.write_text(json.dumps(manifest))


def damaged(content, random):
    """Exchanges, cuts out or doubles some bytes of a graph."""
    content = bytearray(content)
    for _ in range(random.integers(1, 4)):
        place, length = int(random.integers(len(content))), int(random.integers(1, 9))
        kind = random.integers(3)
        if kind == 0:
            content[place] = int(random.integers(256))
        elif kind == 1:
            del content[place : place + length]
        else:
            content[place:place] = content[place : place + length]
    return bytes(content)


if __name__ == "__main__":
    main()
