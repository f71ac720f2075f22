"""From a store to a folder that is ready to be uploaded: the store, and all that people need beside it."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NoSourceRoot, OptionError, SpecError
from ..exchange.folder import add_file, prepare_folder
from ..store.canonical import sha256_hex
from ..store.files import read_whole, remove_leftovers, sync_folder
from ..store.reader import open_store
from ..store.schema import AUGMENT, ENVIRONMENT_FILE, MANIFEST_FILE, MAX_JSON_BYTES, SHARD_FOLDER, SUMS_FILE
from ..store.verify import verify
from .card import PICTURE, RELEASE_SUMS, card_text
from .card_code import plan_name
from .citation import citation_text
from .croissant import ReleasedFile, croissant_text
from .environment_lock import environment_of, lock_text
from .facts import ReleaseFacts, release_facts
from .place import place
from .recipe_file import plan_text, recipe_text
from .shipped import Shipped, shipped
from .terms import Terms

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["Release", "publish"]

_CROISSANT = "croissant.json"


@dataclass(frozen=True)
class Release:
    """A finished release: ``files`` in all, of ``bytes``; ``notes`` say what it lacks, one a line."""

    root: Path
    dataset_id: str
    files: int
    bytes: int
    notes: tuple[str, ...]


def publish(
    store: str | Path,
    out: str | Path,
    terms: Terms | None = None,
    *,
    source_root: Path | None = None,
    parent: str | Path | None = None,
) -> Release:
    """Prove a store, and put it into a folder with its card, descriptions, recipe and checksums.

    The folder is a store too. Nothing in it depends on the time or on names of folders, so publishing again
    gives the same bytes, and finishes what was interrupted. The last file is SHA256SUMS.release: a folder
    without it is not finished.

    Args:
        terms: what only the publisher knows.
        source_root: folder of the source's files, which the picture then shows too.
        parent: the store that copies were made from, likewise.
    Raises:
        StoreError: the store is not intact, or does not state how it came about.
        OutputError: the folder cannot be written to, or holds anything else.
        OptionError: the folder lies in the store, or an origin is named that the store does not have.
        SourceError: the source cannot be used.
    """
    terms, out = terms or Terms(), Path(out)
    verify(store, "full")
    opened = open_store(store)
    _require_apart(opened.folder, out)
    facts = release_facts(opened)
    picture, notes = _picture(opened, facts, source_root, parent)
    card = shipped(facts.source_recipe)
    made = _texts(opened, facts, terms, card, has_picture=picture is not None)
    if picture is not None:
        made[PICTURE] = picture
    kept = _files_of(opened)
    croissant = croissant_text(facts, terms, card, _listing(opened.folder, kept, made))
    made[_CROISSANT] = croissant.encode()
    sums = kept | {name: sha256_hex(data) for name, data in made.items()}
    _write(opened.folder, out, kept, made)
    verify(out, "full")
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    add_file(out, RELEASE_SUMS, text)
    for folder in (out, out / SHARD_FOLDER):
        remove_leftovers(folder)  # nobody shall upload them
    size = sum((out / name).stat().st_size for name in (*sums, RELEASE_SUMS))
    return Release(out, opened.dataset_id, len(sums) + 1, size, (*terms.missing(), *notes))


def _require_apart(store: Path, out: Path) -> None:
    if out.resolve().is_relative_to(store.resolve()):
        raise OptionError(f"out: found {out}, which is in the store {store}; expected a folder of its own")


def _files_of(store: "Store") -> dict[str, str]:
    """Name -> sha256 of every file that makes up a proven store."""
    sums = read_whole(store.folder, SUMS_FILE, MAX_JSON_BYTES)
    lines = (line.split("  ", 1) for line in sums.decode().splitlines())
    return {name: digest for digest, name in lines} | {SUMS_FILE: sha256_hex(sums)}


def _texts(
    store: "Store", facts: ReleaseFacts, terms: Terms, card: Shipped | None, *, has_picture: bool
) -> dict[str, bytes]:
    """The files that are made for a release, but for the picture and what describes all files."""
    environment = environment_of(store.folder)
    texts = {
        "README.md": card_text(facts, terms, card, picture=has_picture),
        "CITATION.cff": citation_text(facts, terms, card),
        "requirements.lock.txt": lock_text(environment, store.root),
    }
    if facts.recipe is not None:
        texts["recipe.toml"] = recipe_text(facts.recipe, card.title if card else "")
    for depth, plan in enumerate(facts.plans):
        texts[plan_name(depth)] = plan_text(plan)
    made = {name: text.encode() for name, text in texts.items()}
    return made if environment is None else made | {ENVIRONMENT_FILE: environment}


def _listing(store: Path, kept: Mapping[str, str], made: Mapping[str, bytes]) -> list[ReleasedFile]:
    files = [ReleasedFile(name, (store / name).stat().st_size, digest) for name, digest in kept.items()]
    files += [ReleasedFile(name, len(data), sha256_hex(data)) for name, data in made.items()]
    return sorted(files)


def _write(store: Path, out: Path, kept: Mapping[str, str], made: Mapping[str, bytes]) -> None:
    """Everything but the last file. The manifest, which makes the folder a store, comes after all others."""
    names = {*kept, *made, RELEASE_SUMS}
    prepare_folder(out, {name.split("/")[0] for name in names})
    shards = out / SHARD_FOLDER
    prepare_folder(shards, {name.partition("/")[2] for name in names if "/" in name})
    for name, digest in kept.items():
        if name != MANIFEST_FILE:
            place(store, name, out, digest)
    for name, data in made.items():
        add_file(out, name, data)
    for folder in (shards, out):
        sync_folder(folder)
    place(store, MANIFEST_FILE, out, kept[MANIFEST_FILE])
    sync_folder(out)


def _picture(
    store: "Store", facts: ReleaseFacts, source_root: Path | None, parent: str | Path | None
) -> tuple[bytes | None, list[str]]:
    """The gallery as PNG, and what it lacks; no picture of fields that are neither images nor shapes."""
    from ..report.gallery import gallery
    from ..report.strip import copy_gallery

    copies, notes = facts.kind == AUGMENT, list[str]()
    if source_root is not None and copies:
        raise OptionError(
            f"source-root: {store.root} holds augmented copies, which stand beside their parents; "
            "give --parent instead"
        )
    if parent is not None and not copies:
        raise OptionError(f"parent: {store.root} has none, its kind is '{store.kind}'; leave it out")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PICTURE
        try:
            if copies:
                copy_gallery(store, None if parent is None else open_store(parent), path)
                if parent is None:
                    notes.append("gallery.png: drawn without parents; give --parent")
            else:
                source = _source(store, facts, source_root)
                gallery(store, source, path)
                if source is None and facts.source_recipe is not None:
                    notes.append("gallery.png: drawn without the source; give --source-root")
        except SpecError as error:
            return None, [f"gallery.png: left out ({error})"]
        return path.read_bytes(), notes


def _source(store: "Store", facts: ReleaseFacts, source_root: Path | None) -> "Source | None":
    """The store's source; None if it needs a root and none was given, or if nobody looked at it."""
    from ..fit.reproduce import open_store_source

    if source_root is None and facts.source_recipe is None:
        return None
    try:
        return open_store_source(store, source_root)
    except NoSourceRoot:
        return None
