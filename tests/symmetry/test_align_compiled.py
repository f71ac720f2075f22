"""Other vector widths find the same elements and the same bytes; a compiler that is off is named."""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

from neuralviews.errors import EngineError
from neuralviews.symmetry import program
from neuralviews.symmetry.align import align_weights

from .fields import GROUPS
from .pairs import SCHEMES, SPECS, random_pairs

ROOT = Path(__file__).parents[2]
REPORT = """
from neuralviews.vector.emit import blocking
from tests.symmetry.test_align_compiled import digest
print(blocking().lanes, digest())
"""


def digest() -> str:
    """One hash of all that is found for random pairs of every spec, scheme and group."""
    found = hashlib.sha256()
    for spec in SPECS.values():
        for scheme in SCHEMES:
            a, b = random_pairs(spec, scheme, 6)
            for group in GROUPS:
                result = align_weights(spec, a, b, group=group)
                element = result.element
                for array in (*result[:1], *result[2:], element.perm, element.sign, element.phase):
                    found.update(array.tobytes())
    return found.hexdigest()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names CPUs of x86-64")
def test_other_instruction_sets_find_the_same(tmp_path: Path) -> None:
    named = ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}, {"NUMBA_CPU_NAME": "x86-64"})
    running = [
        subprocess.Popen(
            [sys.executable, "-c", REPORT],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / str(i)), **names},
        )
        for i, names in enumerate(named)
    ]
    reports = [process.communicate(timeout=300)[0].split() for process in running]
    assert reports == [["8", digest()], ["4", digest()]]


def test_a_compiler_that_is_turned_off_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    with pytest.raises(EngineError, match=r"alignment: NUMBA_DISABLE_JIT is set.*: unset it"):
        program.compiled_alignment.__wrapped__()
