"""Runs on GPUs, as far as they can be told without one: who fits, in which threads, and what is said."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from neuralviews.cli.main import main
from neuralviews.errors import EngineError
from neuralviews.fit import registry, run
from neuralviews.fit.engine import Budget, Engine
from neuralviews.fit.fused.engine import CudaEngine
from neuralviews.fit.run import RunOptions, RunReport, generate
from neuralviews.fit.torch_engine import TorchEngine
from neuralviews.recipe import load_recipe
from neuralviews.store.reader import open_store

from .fused.host_processor import HostProcessor


@pytest.fixture
def on_host(monkeypatch: pytest.MonkeyPatch) -> CudaEngine:
    """The engine of GPUs, its kernels run by the host."""
    engine, load = CudaEngine(HostProcessor()), registry._load

    def instead(name: str, device: str | None) -> Engine:
        return engine if name == "cuda" else load(name, None if device == "cuda" else device)

    monkeypatch.setattr(registry, "_load", instead)
    return engine


def test_a_store_of_a_gpu_is_that_of_the_processor(on_host: CudaEngine, tmp_path: Path) -> None:
    """And a run that the one began, the other finishes."""
    recipe = load_recipe("digits")
    whole = generate(recipe, tmp_path / "cpu", RunOptions(limit=12, workers=1))
    generate(recipe, tmp_path / "gpu", RunOptions(limit=12, part=(0, 2), device="cuda"))
    finished = generate(recipe, tmp_path / "gpu", RunOptions(limit=12))
    other = generate(recipe, tmp_path / "other", RunOptions(limit=12, device="cuda", workers=2, threads=True))
    assert whole.dataset_id == finished.dataset_id == other.dataset_id
    assert open_store(tmp_path / "gpu").dataset_id == whole.dataset_id


def options_of(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunOptions:
    seen: list[RunOptions] = []

    def caught(recipe: Any, out: Path, options: RunOptions) -> RunReport:
        seen.append(options)
        return RunReport(0, 1, None)

    monkeypatch.setattr(run, "generate", caught)
    with pytest.raises(SystemExit) as ended:
        main(["generate", "digits", "--out", str(tmp_path / "out"), *arguments])
    assert ended.value.code in (0, None)
    return seen[0]


@pytest.mark.parametrize(
    ("arguments", "workers", "threads"),
    [
        (["--device", "cuda"], 4, True),
        (["--device", "cuda:1", "--workers", "2"], 2, True),
        (["--device", "cpu", "--workers", "3"], 3, False),
        (["--device", "cuda", "--cluster", "tcp://host:1"], None, False),
    ],
)
def test_a_gpu_is_fed_by_threads(
    arguments: list[str],
    workers: int | None,
    threads: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    found = options_of(arguments, monkeypatch, tmp_path)
    assert (found.workers, found.threads) == (workers, threads)


@pytest.mark.parametrize("engine", ["auto", "cuda"])
def test_a_driver_of_gpus_elsewhere_needs_none(engine: str) -> None:
    options = RunOptions(engine=engine, device="cuda", cluster="tcp://host:1")
    planned, name = run._engine(load_recipe("digits"), options)
    assert (planned.name, name) == ("cpu", "cuda")


def test_fields_that_no_gpu_can_hold_are_refused_by_the_driver() -> None:
    recipe = load_recipe("digits")
    wide = msgspec.structs.replace(recipe, field=msgspec.structs.replace(recipe.field, dims=(2, 256, 256, 1)))
    with pytest.raises(
        EngineError, match=r"engine 'cuda' needs \d+ bytes .* the largest GPU: use --engine torch"
    ):
        run._engine(wide, RunOptions(device="cuda", cluster="tcp://host:1"))


def test_torch_on_a_cluster_of_gpus_needs_one_here() -> None:
    options = RunOptions(engine="torch", device="cuda:7", cluster="tcp://host:1")
    with pytest.raises(EngineError, match="device 'cuda:7'"):
        run._engine(load_recipe("digits"), options)


def test_a_gpu_that_torch_serves_is_told(
    on_host: CudaEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(on_host._processor, "shared_bytes", 100)
    engine, name = run._engine(load_recipe("digits"), RunOptions(device="cuda", progress=True))
    assert isinstance(engine, TorchEngine)
    assert name == "torch"
    told = capsys.readouterr().err
    assert told.startswith("device 'cuda': the engine torch fits these fields, as cuda needs ")
    assert told.count("\n") == 1
    assert on_host.refuses(load_recipe("digits").spec, Budget(1, 1e-3)) is not None
