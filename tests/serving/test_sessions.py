"""States kept between requests: for one at a time, for a while, and not too many."""

import pytest

from serving.errors import BadState, Overloaded
from serving.fleet import sessions
from serving.fleet.sessions import Sessions


def test_a_state_is_for_one_request_at_a_time():
    kept = Sessions(60)
    assert kept.take("a") is None
    with pytest.raises(BadState, match="in use"):
        kept.take("a")
    kept.give_back("a", {"place": 1})
    assert kept.take("a") == {"place": 1}
    kept.give_back("a", None)
    assert kept.take("a") is None


def test_what_nobody_asks_for_is_forgotten():
    kept = Sessions(0)
    kept.give_back("a", 1)
    assert kept.take("b") is None
    assert kept.take("a") is None


def test_the_one_that_has_rested_longest_makes_room(monkeypatch):
    monkeypatch.setattr(sessions, "MOST", 2)
    kept = Sessions(60)
    kept.give_back("a", 1)
    kept.give_back("b", 2)
    kept.take("c")
    assert kept.take("b") == 2
    with pytest.raises(Overloaded):
        kept.take("a")
