"""What a server's worker holds in memory."""

from pathlib import Path

MEBIBYTE = 2**20


def own_memory(server):
    """Bytes of the last worker that it shares with no other process."""
    text = Path(f"/proc/{server.workers()[-1]}/smaps_rollup").read_text()
    return 1024 * sum(
        int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")
    )
