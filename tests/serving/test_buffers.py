"""Space for messages: used again, but never under an array that somebody still has."""

import numpy as np

from serving.rpc.buffers import LARGEST_BYTES, Buffers

SIZE = 200_000


def address(space):
    return np.frombuffer(space, np.uint8).ctypes.data


def test_space_that_nobody_needs_is_used_for_the_next_message():
    buffers = Buffers()
    first = buffers.take(SIZE)
    at = address(first)
    buffers.give_back(first)
    second = buffers.take(SIZE + 10)
    assert address(second) == at
    assert len(second) == SIZE + 10


def test_space_with_an_array_in_it_is_not_used_again():
    buffers = Buffers()
    space = buffers.take(SIZE)
    space[:] = bytes(SIZE)
    array = np.frombuffer(space[8:], np.uint8)
    buffers.give_back(space)
    other = buffers.take(SIZE)
    other[:] = b"\x01" * SIZE
    assert not array.any()


def test_no_space_is_kept_that_was_not_used_for_a_while_or_is_very_large():
    buffers = Buffers()
    space = buffers.take(SIZE)
    buffers.give_back(space)
    buffers.rest()
    assert buffers.spare_bytes >= SIZE
    buffers.rest()
    assert buffers.spare_bytes == 0
    buffers.give_back(buffers.take(LARGEST_BYTES + 1))
    assert buffers.spare_bytes == 0
