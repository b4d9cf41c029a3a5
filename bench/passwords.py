"""An application that checks passwords: twenty argon2id checks at any time, in at most so many threads.

``python -m bench.passwords THREADS NICE [TIME_COST MEMORY_KIB LANES]`` says ``ready``, goes on until its standard input
is closed, and then prints how many checks a second it did. NICE is of the threads that check only: on Linux each has
its own. Without costs: what argon2-cffi takes by default.
"""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

TOGETHER = 20


def main(threads: int, nice: int, costs: list[int]) -> None:
    """Check until told to stop."""
    named = dict(zip(("time_cost", "memory_cost", "parallelism"), costs, strict=False))
    hasher = PasswordHasher(**named)  # type: ignore[arg-type]  # the three of these names are numbers
    known = hasher.hash("the right password")
    over, slots, done = threading.Event(), threading.Semaphore(TOGETHER), 0

    def check() -> None:
        nonlocal done
        if not over.is_set():
            hasher.verify(known, "the right password")
            done += 1
        slots.release()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    def modest() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)

    threading.Thread(target=listen, daemon=True).start()
    began = time.perf_counter()
    with ThreadPoolExecutor(threads, initializer=modest) as pool:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while not over.is_set():
            slots.acquire()
            pool.submit(check)
    sys.stdout.write(f"{done / (time.perf_counter() - began)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [int(text) for text in sys.argv[3:]])
