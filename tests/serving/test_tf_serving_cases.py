"""The table of TF Serving's own cases in docs/serving.md says what there is."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_as_many_cases_are_recreated_as_the_documentation_says():
    page = (ROOT / "docs" / "serving.md").read_text()
    told = re.findall(r"^\| `[a-z_/]+\.(?:cc|py)` \| \d+ \| (\d+) \| (.*) \|$", page, re.M)
    assert told
    listed = {}
    for number, files in told:
        counts = {name: int(count) for name, count in re.findall(r"`(\w+\.py)` \((\d+)\)", files)}
        assert sum(counts.values()) == int(number)
        listed |= counts
    there = {
        path.name: len(re.findall(r"^def test_", path.read_text(), re.M))
        for path in (ROOT / "tests" / "serving" / "tf_serving").glob("test_*.py")
    }
    assert listed == there
