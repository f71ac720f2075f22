"""Labels and splits of files from the folders that they lie in."""

import os
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..records import NO_LABEL, Split

__all__ = ["numbered", "placed"]


def placed(
    name: str, labels: Literal["folders", "none"], splits: Literal["folders", "inside-classes", "none"]
) -> tuple[Split, str | None]:
    """(split, name of the class folder) of the file at a path with '/'; train and None if none is asked for.

    Raises:
        SourceError: the folder that is asked for is missing. The message does not name the file.
    """
    folders = name.split("/")[:-1]
    split, level = Split.train, 1 if splits == "inside-classes" else 0
    if splits != "none" and len(folders) >= level:
        if folders[level : level + 1] == [] or folders[level] not in Split.__members__:
            of_class = "" if level == 0 else f" of {folders[0]}"
            raise SourceError(
                f"lies in none of the folders train, val and test{of_class}; "
                "move it into one, or set source.splits = 'none'"
            )
        split = Split[folders.pop(level)]
    if labels == "none":
        return split, None
    if not folders:
        raise SourceError(
            "its label is missing: it lies in no class folder; "
            "move it into one, or set source.labels = 'none'"
        )
    return split, folders[0]


def numbered(
    classes: Sequence[str | None], names: tuple[str, ...] | None
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """(names of the classes, (n,) label of each file): the place of its class in ``names``.

    Args:
        classes: of each file; None becomes `NO_LABEL`.
        names: None takes the classes that occur, in the order of their bytes.
    """
    if names is None:
        names = tuple(sorted({name for name in classes if name is not None}, key=os.fsencode))
    numbers: dict[str | None, int] = {name: number for number, name in enumerate(names)}
    return names, np.array([numbers.get(name, NO_LABEL) for name in classes], np.int32)
