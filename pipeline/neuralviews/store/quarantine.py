"""Damaged files of a store, set aside so that good ones can have their names."""

import secrets
from contextlib import suppress
from pathlib import Path

from .files import link_new, output_errors, sha256_of, sync_folder
from .schema import QUARANTINE_PREFIX

__all__ = ["quarantine"]


def quarantine(root: Path, name: str, sha256: str) -> None:
    """Set a file of these bytes aside under a name that no reader looks at; no other file is taken away.

    Between the judgement and the renaming another writer may have replaced the file by a good one, which
    then gets its name back; a file that has gone meanwhile is fine.
    """
    path = root / name
    aside = path.with_name(f"{QUARANTINE_PREFIX}{path.name}-{secrets.token_hex(8)}")
    with output_errors(path), suppress(FileNotFoundError):
        path.rename(aside)
        if sha256_of(root, aside.relative_to(root).as_posix()) != sha256:
            with suppress(FileExistsError):
                link_new(aside, path)
    sync_folder(path.parent)
