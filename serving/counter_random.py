"""The random numbers of `keras_models/counter_random.py` in NumPy, bit for bit.

Generation token by token, outside a graph, draws what the graph that generates a whole text draws.

Source: Threefry-2x32, 20 rounds (Salmon et al. 2011).
"""

import numpy as np

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
BLOCKS = 5


def bits(seed: int, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encrypts a counter of two numbers under a key of 64 bits.

    Args:
        seed: 0 to 2⁶³ - 1.
        first, second: integers, broadcast together, 0 to 2³² - 1.

    Returns:
        Two uint32 arrays of the broadcast shape.
    """
    low, high = seed & 0xFFFFFFFF, seed >> 32
    keys = (low, high, low ^ high ^ PARITY)
    first, second = np.broadcast_arrays(np.asarray(first, np.uint32), np.asarray(second, np.uint32))
    with np.errstate(over="ignore"):  # sums are meant to be modulo 2³²
        x, y = first + np.uint32(keys[0]), second + np.uint32(keys[1])
        for block in range(BLOCKS):
            for rotation in ROTATIONS[block % 2]:
                x = x + y
                y = (y << np.uint32(rotation) | y >> np.uint32(32 - rotation)) ^ x
            x = x + np.uint32(keys[(block + 1) % 3])
            y = y + np.uint32((keys[(block + 2) % 3] + block + 1) & 0xFFFFFFFF)
    return x, y


def uniform(seed: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns float32 in (0, 1), odd multiples of 2⁻²⁴, one for each counter (see `bits`)."""
    word = bits(seed, first, second)[0]
    return ((word >> np.uint32(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)
