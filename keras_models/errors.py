"""The one error that means the person, not the program, has something to change."""


class BadInput(Exception):  # noqa: N818 (the house's word, see docs/house.md)
    """Says in one line what was given, what is wrong with it, and what to do.

    Commands print it without a traceback and exit with code 2.
    """
