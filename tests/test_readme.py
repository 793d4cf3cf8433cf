"""The README, taken at its word: its commands are run as they stand, its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from train import settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page):
    """Every command of this program on a page, without its remark, as words."""
    lines = re.findall(r"(?:^ {4}|`)(keras-[^`#\n]+)", page.read_text(), flags=re.MULTILINE)
    return [shlex.split(line) for line in lines if len(line.split()) > 1]


def test_the_first_commands_and_the_snippet_do_what_is_said(run_command, tmp_path, monkeypatch):
    first_four = commands(ROOT / "README.md")[:4]
    assert [words[0] for words in first_four] == [
        "keras-train",
        "keras-export",
        "keras-verify",
        "keras-serve",
    ]
    Image.new("RGB", (40, 30), "navy").save(tmp_path / "photo.png")
    for words in first_four:
        done = run_command(*words, cwd=tmp_path)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr}"
    assert "%" in done.stdout
    snippet = re.search(r"(?m)^    import serving\n(?:    .*\n)+", (ROOT / "README.md").read_text())
    monkeypatch.chdir(tmp_path)
    answer = {}
    *statements, expression = [line.strip() for line in snippet[0].splitlines()]
    exec("\n".join(statements), answer)
    (name,) = eval(expression, answer)
    assert name in "0123456789"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_training_commands_parse(page):
    for words in commands(page):
        if words[0] == "keras-train" and "--run" in words:
            assert settings.parse(words[1:]).path.parts[0] == "runs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_benchmark_commands_name_modules_that_exist():
    for page in PAGES:
        for module in re.findall(r"python -m (benchmarks\.\w+)", page.read_text()):
            assert (ROOT / (module.replace(".", "/") + ".py")).exists(), module
