"""What links that people share stand for: files with direct links, and with sums where they are known."""

from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from ..errors import FetchError
from .hub_files import hub_files
from .patience import PATIENCE, Patience
from .remote_file import RemoteFile
from .zenodo import zenodo_files

__all__ = ["RemoteFile", "lists_files", "resolve", "split_link"]

ZENODO = "https://zenodo.org"

_DRIVE = ("drive.google.com", "docs.google.com", "drive.usercontent.google.com")
_DROPBOX = ("dropbox.com", "www.dropbox.com")
_DOI_HOSTS = ("doi.org", "www.doi.org", "dx.doi.org")
_ZENODO_HOSTS = ("zenodo.org", "www.zenodo.org")
_ZENODO_DOI = "10.5281/zenodo."


def resolve(
    link: str,
    *,
    folder: Path | None = None,
    zenodo: str = ZENODO,
    hub: str | None = None,
    patience: Patience = PATIENCE,
) -> list[RemoteFile]:
    """The files that a link stands for, in the order of their names.

    ============================================  =====================================================
    ``https://``, ``http://``, ``file://``, path  that one file
    a link shared by Dropbox                      the file, or a zip archive of the folder
    ``doi:10.5281/zenodo.N``, also as doi.org     all files of the record, with sizes and MD5 sums
    ``https://zenodo.org/records/N``              the same; with ``/files/NAME`` that file
    ``hf://owner/name[@revision][/path]``         all files of a dataset on the Hugging Face Hub, or of a
                                                  folder of it, with sizes and, of large files, SHA-256
    ============================================  =====================================================

    Args:
        folder: where the file is wanted, for instructions where only a person can fetch it.
        zenodo, hub: the servers to ask; by default zenodo.org, and what ``HF_ENDPOINT`` says.
    Raises:
        FetchError: nothing can be fetched from there by a program, or the server did not say.
    """
    if link.startswith("hf://"):
        return hub_files(link, hub)
    record, name = _zenodo_record(link)
    if record:
        return zenodo_files(link, zenodo, record, name, patience)
    host = (split_link(link).hostname or "") if link.startswith(("http://", "https://")) else ""
    if host in _DRIVE:
        raise _by_hand(link, folder)
    if host in _DROPBOX:
        return [_dropbox(link)]
    return [RemoteFile(_last_name(link), (link,))]


def lists_files(link: str) -> bool:
    """Whether `resolve` asks a server for a list of files, rather than taking the link for that of one file.

    Raises:
        FetchError: a DOI of somebody else than Zenodo, or no link at all.
    """
    return link.startswith("hf://") or _zenodo_record(link)[0] != ""


def split_link(link: str) -> SplitResult:
    """The parts of a link.

    Raises:
        FetchError: it has none.
    """
    try:
        return urlsplit(link)
    except ValueError as error:
        raise FetchError(f"{link}: no link that can be opened ({error}); copy it once more") from None


def _last_name(link: str) -> str:
    path = link if link.startswith("/") else unquote(split_link(link).path)
    return PurePosixPath(path).name


def _dropbox(link: str) -> RemoteFile:
    """The direct link for one that shows a page; folders come as zip archives."""
    parts = urlsplit(link)
    kept = [(key, value) for key, value in parse_qsl(parts.query, True) if key not in ("dl", "raw")]
    direct = parts._replace(query=urlencode([*kept, ("dl", "1")]), fragment="").geturl()
    steps = [unquote(step) for step in parts.path.split("/") if step]
    kind = "scl/" + steps[1] if steps[:1] == ["scl"] and len(steps) > 1 else steps[0] if steps else ""
    # sh/KEY/SECRET is a folder and sh/KEY/SECRET/NAME a file in it; scl/fo/KEY/SECRET is a folder too.
    named = {"s": 2, "sh": 3, "scl/fi": 3, "scl/fo": 4}
    if kind not in named or len(steps) < named[kind]:
        raise FetchError(
            f"{link}: found a page of Dropbox, expected a link to a file or folder as 'Copy link' gives it"
        )
    is_file = len(steps) > named[kind]
    return RemoteFile(steps[-1] if is_file else f"{steps[-2]}.zip", (direct,))


def _by_hand(link: str, folder: Path | None) -> FetchError:
    place = "in any folder" if folder is None else f"in {folder} (make that folder if need be)"
    return FetchError(
        f"{link}: Google Drive gives files to browsers alone; open this link in one, save the file {place}, "
        "and run the same command with the path of that file in place of the link"
    )


def _zenodo_record(link: str) -> tuple[str, str | None]:
    """The number of the record that a link means, and the name of the one file of it; else empty.

    Raises:
        FetchError: a DOI of somebody else.
    """
    doi, name = "", None
    parts = split_link(link) if link.startswith(("http://", "https://")) else None
    if link.lower().startswith("doi:"):
        doi = link[4:].strip()
    elif parts and parts.hostname in _DOI_HOSTS:
        doi = unquote(parts.path).strip("/")
    elif parts and parts.hostname in _ZENODO_HOSTS:
        steps = [unquote(step) for step in parts.path.split("/") if step]
        if steps[:1] == ["api"]:  # as its own lists have them
            steps = steps[1 : -1 if steps[-1] == "content" else None]
        if len(steps) > 3 and steps[2] == "files":
            name = "/".join(steps[3:])
        if len(steps) > 1 and steps[0] in ("record", "records") and _is_number(steps[1]):
            return steps[1], name
    if not doi:
        return "", None
    number = doi.lower().removeprefix(_ZENODO_DOI)
    if number == doi.lower() or not _is_number(number):
        raise FetchError(
            f"{link}: found the DOI {doi!r}, expected one of Zenodo ({_ZENODO_DOI}NUMBER); "
            f"open https://doi.org/{doi} in a browser, and give the link of the file itself"
        )
    return number, name


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
