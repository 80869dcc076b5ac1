"""Counts the syncs that a driver asks the system for while it appends, with strace, where that is installed."""

import os
import re
import shutil
import tempfile

CALLS = "fsync,fdatasync,sync_file_range,msync"
LINE = re.compile(r"^(?:\d+\s+)?(\d+\.\d+) (fsync|fdatasync|sync_file_range|msync)\(")


def available() -> bool:
    return shutil.which("strace") is not None


class Trace:
    def __init__(self) -> None:
        handle, self.path = tempfile.mkstemp(prefix="syncs-")
        os.close(handle)

    def around(self, command: list[str]) -> list[str]:
        # With the filter, other calls are not slowed down.
        options = ["-f", "--seccomp-bpf", "-qq", "-ttt", "-e", f"trace={CALLS}", "-o", self.path]
        return ["strace", *options, *command]

    def begun(self) -> list[float]:
        """When each sync began, in seconds since 1970. To be asked for once, behind the end."""
        with open(self.path, encoding="ascii", errors="replace") as file:
            found = [LINE.match(line) for line in file]
        os.remove(self.path)
        return [float(hit[1]) for hit in found if hit]
