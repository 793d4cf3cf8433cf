"""The page at `/`: plain files, without a build step, that use nothing but the public API."""

from collections.abc import Mapping
from pathlib import Path

from serving.http1.message import Response

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HEADERS = {
    # Nothing from elsewhere, so that it works offline and shows no stranger's script.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:",
    "Cache-Control": "no-cache",
}


def responses() -> Mapping[str, Response]:
    """Reads the page's files; by the path that each is answered at."""
    found = {
        f"/page/{file.name}": Response(
            body=file.read_bytes(),
            content_type=f"{_TYPES[file.suffix]}; charset=utf-8",
            headers=_HEADERS,
        )
        for file in sorted(Path(__file__).parent.iterdir())
        if file.suffix in _TYPES
    }
    return {"/": found.pop("/page/index.html"), **found}
