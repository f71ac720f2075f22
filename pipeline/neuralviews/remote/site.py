"""Where the files of a release lie: in a folder of this machine or of the web, or in somebody's list."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from ..errors import FetchError
from ..store.schema import MANIFEST_FILE
from ..store.space import beside
from .body import LinkFault
from .links import lists_files, resolve, split_link
from .local import local_path
from .patience import PATIENCE, Patience
from .remote_file import RemoteFile

__all__ = ["Site", "download_folder", "open_site"]


@dataclass(frozen=True)
class Site:
    """A place with files of known names.

    Attributes:
        link: the folder; what error messages call it.
        folder: the same on this machine; None of others.
        listed: name -> file, where somebody lists them; None where names are put behind the link.
    """

    link: str
    folder: Path | None = None
    listed: Mapping[str, RemoteFile] | None = None

    def find(self, name: str) -> RemoteFile | None:
        """The file of a name, a relative path; None if it is not listed, while others may be absent.

        Some hosts know no folders, so a file of the last part of the name will do where files are listed.
        """
        if self.listed is None:
            return RemoteFile(name, (_below(self.link, name),))
        return self.listed.get(name) or self.listed.get(name.rpartition("/")[2])


def open_site(link: str, out: Path, patience: Patience = PATIENCE) -> Site:
    """The place that a link means: a folder, or its ``manifest.json``.

    Args:
        link: a path, or anything that `resolve` knows.
        out: what is made of the files, for instructions where only a person can fetch them.
    Raises:
        FetchError: there is no such place for a program, or it cannot be listed.
    """
    if "://" not in link and not link.lower().startswith(("file:", "doi:")):
        folder = Path(os.path.abspath(link))
        folder = folder.parent if folder.name == MANIFEST_FILE else folder
        return Site(str(folder), folder)
    link = _without_manifest(link)
    if lists_files(link):
        return Site(link, listed={file.name: file for file in resolve(link, patience=patience)})
    try:
        folder_here = local_path(link)
    except LinkFault as fault:
        raise FetchError(f"{link}: {fault.reason}") from None
    if folder_here is None:
        direct = _below(link, MANIFEST_FILE)
        (file,) = resolve(direct, folder=download_folder(out), patience=patience)
        if file.links != (direct,):
            raise FetchError(f"{link}: found the one file {file.name}, expected the folder of a release")
    return Site(link, folder_here)


def download_folder(out: Path) -> Path:
    """Where what is fetched for a store is kept; see `store.space.beside`."""
    return beside(out, "download")


def _below(link: str, name: str) -> str:
    if link.startswith("/"):
        return f"{link.rstrip('/')}/{name}"
    parts = urlsplit(link)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}", fragment="").geturl()


def _without_manifest(link: str) -> str:
    if link.startswith("hf://"):
        return link.removesuffix(f"/{MANIFEST_FILE}")
    parts = split_link(link)
    return parts._replace(path=parts.path.removesuffix(f"/{MANIFEST_FILE}")).geturl()
