"""Long passes work in parallel, in order, and show how far they are without littering a log."""

import io
import threading

import pytest

from train import progress
from train.progress import Progress, in_parallel


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_results_come_in_the_order_of_the_items_from_several_threads():
    meeting = threading.Barrier(2)  # nobody passes alone

    def work(item):
        if item in (0, progress.BLOCK):
            meeting.wait()
        return item * item

    count = 3 * progress.BLOCK + 1
    assert list(in_parallel(work, range(count), "squaring")) == [n * n for n in range(count)]


def test_nothing_to_do_is_done_at_once():
    assert list(in_parallel(str, [], "nothing")) == []


def test_what_the_work_raises_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda item: 1 // item, [1, 0], "dividing"))


def test_a_short_pass_leaves_no_line_in_a_log(capsys):
    list(in_parallel(str, range(1000), "writing"))
    assert capsys.readouterr().err == ""


def test_a_long_pass_leaves_lines_in_a_log(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    shown = Progress("decoding images", 2000)
    shown.advance(1000)
    shown.end()
    assert capsys.readouterr().err == "decoding images: 1,000 of 2,000\n"


def test_a_terminal_shows_one_line_that_changes(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "BAR_SECONDS", 0)
    shown = Progress("decoding images", 3)
    for _ in range(3):
        shown.advance()
    shown.end()
    lines = terminal.getvalue()
    assert lines.count("\n") == 1
    assert lines.endswith("\rdecoding images: 3 of 3\n")
