"""The peak memory of a command and of its workers, watched from outside.

Two measures: ``whole`` is the largest resident set (VmHWM; ``ru_maxrss`` could be that of the process that
started it), pages of mapped files among it, which the system takes back when it needs them; ``own`` is the
largest RssAnon that was seen, which only the process itself can give back.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Peak", "watched"]

_INTERVAL = 0.02
_OTHERS = ("resource_tracker", "forkserver")


@dataclass
class Peak:
    """Peaks of one process, MiB."""

    whole: float = 0.0
    own: float = 0.0

    def raised(self, whole: float, own: float) -> None:
        """Take in what was seen of the process, or of one like it."""
        self.whole, self.own = max(self.whole, whole), max(self.own, own)


def watched(arguments: Sequence[str]) -> tuple[Peak, Peak | None]:
    """Run Python with these arguments: peaks of its process, and of its largest worker if it has any."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    main, workers = Peak(), Peak()
    while True:
        for pid in _descendants(process.pid):
            seen = _status(pid)
            if seen is not None:
                (main if pid == process.pid else workers).raised(*seen)
        if process.poll() is not None:
            break
        time.sleep(_INTERVAL)
    assert process.stderr is not None
    with process.stderr as errors:
        text = errors.read().decode()
    assert process.returncode == 0, text
    return main, workers if workers.whole else None


def _descendants(root: int) -> list[int]:
    """The process and its children that work; helpers of the multiprocessing library do not."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):  # it has just ended
                continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid and _works(child)]
    return found


def _works(pid: int) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except OSError:
        return False
    return not any(other in line for other in _OTHERS)


def _status(pid: int) -> tuple[float, float] | None:
    """(VmHWM, RssAnon) in MiB; None of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    sizes = {key: rest for key, _, rest in (line.partition(":") for line in lines)}
    if "VmHWM" not in sizes:
        return None
    whole, own = (int(sizes[key].split()[0]) / 1024 for key in ("VmHWM", "RssAnon"))
    return whole, own
