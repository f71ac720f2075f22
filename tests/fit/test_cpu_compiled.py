"""Other vector widths make the same bytes, and the cache of compiled code is safe."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numba import config, types
from numba.core.caching import CacheImpl

from neuralviews.errors import EngineError
from neuralviews.fit.cpu import program
from neuralviews.vector.compiled import compile_cached

from .arithmetic_cases import GOLDEN

ROOT = Path(__file__).parents[2]
REPORT = """
import json
from neuralviews.vector.compiled import compile_cached
from neuralviews.vector.emit import blocking
from tests.fit.arithmetic_cases import digests
print(json.dumps({"lanes": blocking().lanes, "sha256": digests()}))
"""


def start(cache: Path, **named: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **named}
    return subprocess.Popen(
        [sys.executable, "-c", REPORT], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(output)
    return report


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names CPUs of x86-64")
def test_other_instruction_sets_make_the_same_bytes(tmp_path: Path) -> None:
    """AVX2 alone, compiled by two processes into one cache at once; AVX2 by name; and 128-bit vectors."""
    golden = json.loads(GOLDEN.read_text())["sha256"]
    only_avx2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}
    pairs = ((only_avx2, only_avx2), ({"NUMBA_CPU_NAME": "haswell"}, {"NUMBA_CPU_NAME": "x86-64"}))
    reports = []
    for pair in pairs:
        running = [start(tmp_path, **named) for named in pair]
        reports += [finish(process) for process in running]
    assert [report["lanes"] for report in reports] == [8, 8, 8, 4]
    golden = json.loads(GOLDEN.read_text())["sha256"]
    assert [report["sha256"] for report in reports] == [golden] * 4


def load(cache: Path) -> list[str]:
    """How often a new process finds the compiled fit in the cache, and how often it does not."""
    code = (
        "from neuralviews.fit.cpu.program import compiled_fit\n"
        "stats = compiled_fit().stats\n"
        "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT, env=environment).split()


COMPILED, FOUND = ["0", "1"], ["1", "0"]


def test_a_process_finds_what_another_compiled_and_compiles_what_was_cut_short(tmp_path: Path) -> None:
    assert [load(tmp_path) for _ in range(2)] == [COMPILED, FOUND]
    (data,) = tmp_path.rglob("*.nbc")
    data.write_bytes(data.read_bytes()[:1000])
    assert [load(tmp_path) for _ in range(2)] == [COMPILED, FOUND]


def twice(x: int) -> int:
    return 2 * x


def compile_twice() -> tuple[int, int]:
    """Compile a small function as the fit is; how often the cache had it, and how often not."""
    compiled = compile_cached(twice, types.int64(types.int64))
    assert compiled(21) == 42
    assert compiled.signatures == [(types.int64,)]
    return sum(compiled.stats.cache_hits.values()), sum(compiled.stats.cache_misses.values())


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda _: b"",
        lambda _: b"\xff\x01" * 500,
        lambda n: bytes(len(n)),
    ],
    ids=["cut", "empty", "garbage", "zeros"],
)
def test_a_damaged_cache_is_made_anew(
    kind: str, damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    assert [compile_twice() for _ in range(2)] == [(0, 1), (1, 0)]
    (path,) = tmp_path.rglob(f"*.{kind}")
    path.write_bytes(damage(path.read_bytes()))
    assert [compile_twice() for _ in range(2)] == [(0, 1), (1, 0)]


def test_a_cache_that_cannot_be_replaced_is_left_unused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    compile_twice()
    (index,) = tmp_path.rglob("*.nbi")
    index.unlink()
    index.mkdir()
    assert [compile_twice() for _ in range(2)] == [(0, 1), (0, 1)]


def test_a_compiler_that_is_turned_off_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    with pytest.raises(EngineError, match=r"NUMBA_DISABLE_JIT is set.*: unset it, or use --engine torch"):
        program.compiled_fit.__wrapped__()


def test_no_place_for_a_cache_means_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    compiled: Any = program.compiled_fit.__wrapped__()
    assert len(compiled.signatures) == 1
    assert not compiled.stats.cache_hits
