"""Runs one command and tells what it took; as small as a process can be.

Linux counts the memory of whoever starts a program as that program's own peak, until
it needs more: the bench, with all its libraries loaded, would hide the peak of what it
measures. So this stands between, and imports nothing.

    python -I -S bench/stopwatch.py COMMAND...     the command's output, then a line of JSON
"""

import os
import sys
import time


def main() -> None:
    """Start the command, wait for it, print its usage as the last line of standard output."""
    command = sys.argv[1:]
    started = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _pid, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    facts = (
        f'"status": {os.waitstatus_to_exitcode(status)}, "seconds": {seconds},'
        f' "processor_seconds": {usage.ru_utime + usage.ru_stime}, "maxrss": {usage.ru_maxrss}'
    )
    sys.stdout.write(f"\n{{{facts}}}")


if __name__ == "__main__":
    main()
