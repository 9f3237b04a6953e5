"""Takes a part of a processor until it is ended, and does nothing with it.

`python burner.py PART [MIB]` says that it is ready, and begins when it is sent a line; it copies so much memory again and again, if any.
"""

import sys
import time


def burn(part: float, copied_mib: int) -> None:
    """Take this part of a processor for ever."""
    block = bytearray(copied_mib * 2**20)
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        started, used = time.perf_counter(), time.process_time()
        while (took_s := time.process_time() - used) < 0.01:
            if block:
                bytes(block)
        time.sleep(max(0.0, took_s / part - (time.perf_counter() - started)))


if __name__ == "__main__":
    burn(float(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0)
