"""Compiling with numba, and a cache on disk that neither goes stale nor trusts damaged files."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import config, njit

from ..errors import EngineError

__all__ = ["compile_cached", "compiler_is_off", "sources_digest"]


def compiler_is_off() -> bool:
    """Whether ``NUMBA_DISABLE_JIT`` is set, with which numba compiles nothing."""
    return bool(config.DISABLE_JIT)


def sources_digest(*places: Path) -> str:
    """sha256 of the vector code of this package and of the Python files at ``places``, folders taken whole.

    numba looks only at the file of the function it compiles. A function that has this digest in its
    closure is compiled anew whenever anything that it calls has changed.
    """
    digest = sha256()
    for place in (Path(__file__).parent, *places):
        for path in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def compile_cached(define: Callable[..., Any], signature: Any) -> Any:
    """Compile for one signature; a cache that is damaged is emptied and filled anew, or else left unused.

    Raises:
        EngineError: the environment turns numba's compiler off.
    """
    if compiler_is_off():
        raise EngineError("NUMBA_DISABLE_JIT is set, with which numba compiles nothing: unset it")
    options = {"nogil": True, "error_model": "numpy"}
    try:
        compiled = njit(cache=True, **options)(define)
        try:
            compiled.compile(signature)
        except Exception:  # numba unpickles its files unchecked: damage may raise anything
            if not compiled.signatures:  # else it is compiled, and only the cache could not be written
                compiled.recompile()  # of nothing so far: this empties the cache's index
                compiled.compile(signature)
    except Exception:  # no place that numba may write to, or damage that it cannot replace
        compiled = njit(**options)(define)
        compiled.compile(signature)
    compiled.disable_compile()
    return compiled
