"""The operating system's clock and entropy, as the rooms below ask for them: as arguments."""

import os
import time


def wall_clock() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


class Entropy:
    """Random bytes of the operating system, drawn in blocks: a system call for each would cost a decision a tenth.

    Each byte is given once. Not safe across ``fork``, and used by one thread.
    """

    BLOCK = 4_096

    def __init__(self) -> None:
        self._block = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        """``count`` fresh bytes."""
        end = self._used + count
        if end > len(self._block):
            if count > self.BLOCK:
                return os.urandom(count)
            self._block, end = os.urandom(self.BLOCK), count
        self._used = end
        return self._block[end - count : end]
