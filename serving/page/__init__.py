"""The page at `/`: one file, without a build step, that uses nothing but the public API."""

from pathlib import Path

INDEX = Path(__file__).with_name("index.html")
