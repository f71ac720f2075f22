"""Stores to publish, and what tests ask of releases."""

import re
from pathlib import Path

from neuralviews.recipe import load_recipe
from neuralviews.remote.terms import Terms
from neuralviews.store.reader import Store
from neuralviews.store.verify import verify

from ..made_stores import contents, make_store

STORE_FILES = re.compile(r"job\.json|manifest\.json|SHA256SUMS|shards/.*")

STATED = Terms.checked(
    title="Digits, drawn anew",
    license="CC-BY-4.0",
    source_license="CC BY 4.0",
    creators=["A. Person", "The Group"],
    date="2026-11-28",
    url="https://example.org/digits",
)

MADE = {
    "README.md",
    "CITATION.cff",
    "croissant.json",
    "requirements.lock.txt",
    "gallery.png",
    "SHA256SUMS.release",
}
"""Files that every release has and no store."""


def shipped_store(root: Path) -> Store:
    """A few fields of the recipe ``digits`` that comes with neuralviews, with made-up weights."""
    return make_store(root, load_recipe("digits"), objects=4)


def require_sound(store: Path, release: Path) -> None:
    """The release is the store, byte for byte, and its checksums are of all its files."""
    kept = {name: digest for name, digest in contents(store).items() if STORE_FILES.fullmatch(name)}
    found = contents(release)
    assert {name: digest for name, digest in found.items() if STORE_FILES.fullmatch(name)} == kept
    assert verify(release, "semantic").dataset_id == verify(store).dataset_id
    del found["SHA256SUMS.release"]
    if (release / "environment.json").exists():
        assert (release / "environment.json").read_bytes() == (store / "environment.json").read_bytes()
    lines = (release / "SHA256SUMS.release").read_text().splitlines()
    sums = {line[66:]: line[:64] for line in lines}
    assert list(sums) == sorted(sums)
    assert {name: digest for name, digest in sums.items() if name != "environment.json"} == found
    assert ("environment.json" in sums) == (release / "environment.json").exists()


def own_files(release: Path) -> set[str]:
    """Files that a store does not have."""
    names = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    return {name for name in names if "/" not in name} - {"job.json", "manifest.json", "SHA256SUMS"}
