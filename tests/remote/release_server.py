"""A web server of a folder, which can misbehave for files of its choice."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

from .fault_server import Fault, FaultServer

__all__ = ["ReleaseServer", "files_of"]


def files_of(folder: Path) -> dict[str, bytes]:
    """Name -> content of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class ReleaseServer(FaultServer):
    """Serves a folder below ``/release``.

    Attributes:
        faulty: name -> what is wrong with the next answers.
        watch: called with the name of each file that is asked for, before it is answered.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__({f"release/{name}": data for name, data in files_of(folder).items()})
        self.faulty: dict[str, deque[Fault]] = {}
        self.watch: Callable[[str], None] = lambda name: None

    def __setitem__(self, name: str, data: bytes) -> None:
        self.files[f"release/{name}"] = data

    def __getitem__(self, name: str) -> bytes:
        return self.files[f"release/{name}"]

    def __delitem__(self, name: str) -> None:
        del self.files[f"release/{name}"]

    @property
    def address(self) -> str:
        return self.link("release")

    def asked(self) -> list[str]:
        """Names of the files that were asked for."""
        return [name.removeprefix("release/") for name, _ in self.requests]

    def next_fault(self) -> Fault:
        name = self.asked()[-1]
        self.watch(name)
        faults = self.faulty.get(name)
        return faults.popleft() if faults else super().next_fault()
