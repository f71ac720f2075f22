"""A file to fetch, as its publisher describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import FetchError
from ..signals.member_names import is_unsafe

__all__ = ["RemoteFile"]


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch; see `fetch`.

    Attributes:
        name: a relative path with '/', which leads out of no folder.
        links: the same file, the best first.
        size, sha256, md5: as its publisher states them; None where nobody does.
        headers: of requests to the hosts of the links; may hold a secret.
    """

    name: str
    links: tuple[str, ...]
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if is_unsafe(self.name) or self.name.endswith("/"):
            raise FetchError(
                f"{self.links[0]}: found the name {self.name!r}, expected a relative path of a file; "
                "give a link that ends in the name of the file"
            )
