"""From a set of fields that others published to a store: fetched, proven, imported."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FetchError, OptionError, OutputError, SourceError
from ..exchange.convention import Convention
from ..exchange.opened import Place, open_place
from ..exchange.registry import members
from ..exchange.run import ImportOptions, ImportReport, import_store
from ..signals.member_names import is_ignored
from ..store.files import make_folder
from ..store.space import require_ours
from ..work.shards import Sharing
from .fetch import Fetched, fetch
from .import_command import import_command, options_of_import
from .links import RemoteFile, resolve
from .patience import PATIENCE, Patience
from .published import Published, find_published
from .site import download_folder
from .sums import record_path

__all__ = ["Obtained", "import_link", "import_published"]

_OURS = (".part", ".part.json", ".sha256")
"""Endings of what `fetch` keeps beside a file."""
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Obtained:
    """Fields of others that are a store now.

    Attributes:
        path: the files that they were read from, a file or a folder of ``bytes`` in all; they are kept.
        notes: what is known of those bytes, one a line.
    """

    report: ImportReport
    path: Path
    bytes: int
    notes: tuple[str, ...]


def import_published(
    name: str, out: str | Path, *, workers: int = 1, progress: bool = False, patience: Patience = PATIENCE
) -> Obtained:
    """Fetch a set of the registry into ``<out>.download`` and import it, or go on with both.

    A file that somebody put there by hand is taken, and proven where a sha256 is known.

    Args:
        name: of the set.
        workers: processes that read fields at the same time.
        progress: draw a progress bar of fields on stderr.
    Raises:
        OptionError: no such set, or one that cannot be imported.
        FetchError: only a person can fetch it, and the message says how; or no link gave it.
        SourceError: it is not what the registry says.
        OutputError: a folder cannot be written, is too small, or holds anything else.
        KeyboardInterrupt: what was fetched and what was imported stays; the same call resumes.
    """
    entry, root = find_published(name), Path(out)
    if entry.format == "none":
        raise OptionError(f"{name}: cannot be imported: {entry.reason}")
    require_ours(root)
    folder = download_folder(root)
    path = _placed(entry, folder)
    if path is None and entry.by != "download":
        raise FetchError(_by_hand(entry, folder, root))
    sha256 = None if entry.sha256 == _UNKNOWN else entry.sha256
    if path is None or path.is_file():
        try:
            with _none_left(folder):
                fetched = _fetched(entry, path, folder, sha256, patience)
        except FetchError as error:
            raise FetchError(f"{error}; or fetch it by hand: {_by_hand(entry, folder, root)}") from None
        path, notes = fetched.path, (_proof(fetched, stated=sha256 is not None),)
    else:
        notes = (f"{path}: a folder, which no sha256 proves",)
    sharing = Sharing(workers, progress=progress)
    with _on_trust(folder, proven=sha256 is not None):
        differing = _differing(entry, path, root)
        options = ImportOptions(entry.format, published=name, sharing=sharing, **differing)
        with options_of_import(import_command(path, entry.format, root, differing)):
            report = import_store(path, root, options)
    return Obtained(report, path, _size(path), notes)


def import_link(
    link: str,
    kind: str,
    out: str | Path,
    *,
    workers: int = 1,
    progress: bool = False,
    patience: Patience = PATIENCE,
) -> Obtained:
    """Fetch whatever a link gives into ``<out>.download`` and import it, or go on with both.

    Args:
        link: of a file, or of several; see `resolve`.
        kind: a name of `exchange.registry.FORMATS`, or ``auto``.
    Raises:
        As `import_published`.
    """
    if kind != "auto":
        members(kind)  # refuses what is none before anything is fetched
    root = Path(out)
    folder = download_folder(root)
    if ":" not in link:
        command = import_command(link, kind, out)
        raise OptionError(f"{link}: no link, and what is on this machine is imported: {command}")
    require_ours(root)
    files = resolve(link, folder=folder, patience=patience)
    if len(files) > 1:
        _require_alone(files, folder, link)
    notes = list[str]()
    with _none_left(folder):
        for file in files:
            fetched = fetch(
                file.links,
                folder / file.name,
                sha256=file.sha256,
                md5=file.md5,
                size=file.size,
                headers=file.headers,
                patience=patience,
            )
            notes.append(_proof(fetched, stated=_is_stated(file)))
    path = folder / files[0].name if len(files) == 1 else folder
    options = ImportOptions(kind, sharing=Sharing(workers, progress=progress))
    with (
        _on_trust(folder, proven=all(map(_is_stated, files))),
        options_of_import(import_command(path, kind, root)),
    ):
        report = import_store(path, root, options)
    return Obtained(report, path, _size(path), tuple(notes))


def _is_stated(file: RemoteFile) -> bool:
    """Whether its publisher states a checksum."""
    return (file.sha256 or file.md5) is not None


@contextmanager
def _none_left(folder: Path) -> Iterator[None]:
    """Leave no empty folders of a fetch that came to nothing."""
    try:
        yield
    except BaseException:
        for path, _, _ in os.walk(folder, topdown=False):
            with suppress(OSError):
                os.rmdir(path)
        raise


@contextmanager
def _on_trust(folder: Path, *, proven: bool) -> Iterator[None]:
    """Say how to begin anew with files that no published checksum tells from damaged ones.

    Their sha256, as recorded, would have the same wrong bytes for ever; it lies beside them.
    """
    try:
        yield
    except SourceError as error:
        if proven:
            raise
        raise SourceError(
            f"{error}; if the file arrived damaged, remove {folder} to fetch it again"
        ) from None


def _require_alone(files: Sequence[RemoteFile], folder: Path, link: str) -> None:
    """Refuse a folder with other files, as another link may have left: several are imported as a folder."""
    ours = {f"{file.name}{end}" for file in files for end in ("", *_OURS)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in ours and not is_ignored(name) and not path.is_dir():
            raise OutputError(
                f"{path}: not one of the files of {link}, with which it would be imported; move it elsewhere"
            )


def _placed(entry: Published, folder: Path) -> Path | None:
    """What is there already: the file of the set, the only other one, or, of sets by hand, all of them."""
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return None
    names = [name for name in names if not name.endswith(_OURS)]
    if entry.file in names:
        return folder / entry.file
    if len(names) == 1:
        return folder / names[0]
    return folder if names and entry.by != "download" else None


def _fetched(
    entry: Published, path: Path | None, folder: Path, sha256: str | None, patience: Patience
) -> Fetched:
    files = [file for link in entry.mirrors for file in resolve(link, folder=folder, patience=patience)]
    name = files[0].name if entry.file == _UNKNOWN and files else entry.file
    links = [link for file in files for link in file.links]
    make_folder(folder)
    return fetch(links, path or folder / name, sha256=sha256, patience=patience)


def _proof(fetched: Fetched, *, stated: bool) -> str:
    """Why these bytes are believed to be the right ones; ``stated`` says whether a checksum was published."""
    if stated:
        return f"{fetched.path}: checksum as published, sha256 {fetched.sha256}"
    if fetched.pinned:
        return f"{fetched.path}: the same bytes as before, sha256 {fetched.sha256}"
    return (
        f"{fetched.path}: nobody published a sha256 of it, so {fetched.sha256} is taken on trust, and "
        f"recorded in {record_path(fetched.path).name}"
    )


def _by_hand(entry: Published, folder: Path, out: Path) -> str:
    """What a person has to do, and how it goes on from there."""
    pages = entry.pages or tuple(link.url for link in entry.links)
    at = f" ({' or '.join(pages)})" if pages else ""
    what = "it" if entry.file == _UNKNOWN else entry.file
    path = folder / ("FILE" if entry.file == _UNKNOWN else entry.file)
    command = import_command(path, entry.format, out)
    return (
        f"{entry.name}: {entry.obtain or 'open its page'}{at}; put {what} into {folder}, made if need be, "
        f"and run the same command again, or {command}"
    )


def _differing(entry: Published, path: Path, out: Path) -> dict[str, Any]:
    """Conventions that the registry knows, and the files do not state, where the format has others."""
    try:
        found = open_place(Place(path, entry.format, None, out.parent)).listing.convention
    finally:
        open_place.cache_clear()  # closes an archive, and removes what it was unpacked to
    stated = found.stated()
    return {
        name: value
        for name, value in _known(entry, found).items()
        if stated[name] == "format" and getattr(found, name) != value
    }


def _known(entry: Published, found: Convention) -> Mapping[str, Any]:
    """Conventions of a set as `ImportOptions` takes them, those that are known."""
    stated, values = entry.convention, dict[str, Any]()
    for name in ("omega", "output_offset", "output_scale"):
        if not isinstance(value := getattr(stated, name), str):
            values[name] = value
    if stated.axis_order in ("xy", "ij"):
        values["axis_order"] = stated.axis_order
    ends = stated.target_range
    # Logits have no such range, and of normalised channels the format knows mean and deviation.
    if stated.output == "values" and not isinstance(ends, str) and len(ends) == 1 and found.mean is None:
        values["target_range"] = ends[0]
    return values


def _size(path: Path) -> int:
    size = 0
    for one in path.rglob("*") if path.is_dir() else [path]:
        with suppress(OSError):
            size += one.stat().st_size if one.is_file() else 0
    return size
