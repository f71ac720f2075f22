"""Seeds by hash: every random draw of a dataset follows from one root seed and a path of names.

A seed depends on nothing but the path, so batches, workers and order cannot change it, and no two
paths share a seed by arithmetic (as ``index + seed`` schemes do).
"""

import hashlib

__all__ = ["derive_seed"]


def derive_seed(root: int, *path: str | int) -> int:
    """Hash ``root`` and ``path`` into a seed in [0, 2**64).

    Each part is written with its type and length, so that distinct paths never collide by
    concatenation: ``("ab", "c")``, ``("a", "bc")`` and ``("1",)``, ``(1,)`` all differ.

    Args:
        root: the root seed of the recipe, any integer.
        path: what the seed is for, for example ``("mnist", object_id, view)``.
    """
    digest = hashlib.blake2b(digest_size=8, person=b"neuralviews-seed")
    for part in (root, *path):
        if isinstance(part, bool) or not isinstance(part, str | int):
            raise TypeError(f"seed path: found {part!r} ({type(part).__name__}), expected str or int")
        text = str(part).encode()
        digest.update(b"%c%d:" % (b"s" if isinstance(part, str) else b"i", len(text)))
        digest.update(text)
    return int.from_bytes(digest.digest(), "little")
