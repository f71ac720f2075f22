"""Other vector widths make the same bytes, and the cache of compiled code is safe."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from numba.core.caching import CacheImpl

from neuralviews.fit.cpu import program

from .arithmetic_cases import GOLDEN

ROOT = Path(__file__).parents[2]
REPORT = """
import json
from neuralviews.fit.cpu.emit import blocking
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


def test_a_second_process_finds_what_the_first_compiled(tmp_path: Path) -> None:
    code = (
        "from neuralviews.fit.cpu.program import compiled_fit\n"
        "stats = compiled_fit().stats\n"
        "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    found = [
        subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT, env=environment).split()
        for _ in range(2)
    ]
    assert found == [["0", "1"], ["1", "0"]]


def test_no_place_for_a_cache_means_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    compiled: Any = program.compiled_fit.__wrapped__()
    assert len(compiled.signatures) == 1
    assert not compiled.stats.cache_hits
