"""The torch engine on a GPU: graphs, streams and threads change no bit."""

import threading
import warnings
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch

from neuralviews.errors import EngineError
from neuralviews.field import FieldSpec
from neuralviews.fit import torch_fits
from neuralviews.fit.engine import FitResult, Signals
from neuralviews.fit.reference import ReferenceEngine
from neuralviews.fit.torch_engine import LEAST_SLOTS, TorchEngine
from neuralviews.fit.torch_progress import Progress
from neuralviews.fit.torch_step import FieldBatch
from neuralviews.records import Status

from .torch_cases import BUDGETS, SPEC, needs_cuda, problem, same_bits, uneven_problem

pytestmark = needs_cuda
SMALL = LEAST_SLOTS


def small_engine() -> TorchEngine:
    """So few slots that they are handed on."""
    engine = TorchEngine("cuda")
    engine.slots = engine._most_slots = SMALL
    return engine


@pytest.mark.parametrize("name", BUDGETS)
def test_cuda_keeps_the_contract(name: str) -> None:
    """Close to the oracle, the same bits again, and whatever the neighbours."""
    budget, (inits, signals) = BUDGETS[name], problem(SPEC, 300, 21)
    engine = TorchEngine("cuda")
    found, again = (engine.fit(SPEC, signals, inits, budget) for _ in range(2))
    expected = ReferenceEngine().fit(SPEC, signals, inits, budget)
    assert same_bits(found, again)
    np.testing.assert_array_equal(found.status, expected.status)
    if name != "best-of-spikes":  # chaotic: roundings grow
        np.testing.assert_allclose(found.psnr, expected.psnr, atol=0.05)
    for start, stop in pairwise([0, 1, 8, 21]):
        keys = np.arange(start, stop, dtype=np.uint64)
        part = Signals(signals.coords, np.ascontiguousarray(signals.values[start:stop]), 1.0, keys)
        alone = engine.fit(SPEC, part, inits[start:stop], budget)
        np.testing.assert_array_equal(alone.weights, found.weights[start:stop])


@pytest.mark.parametrize("name", BUDGETS)
def test_a_graph_gives_the_bits_of_single_calls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how often the host looks changes none either, with slots that are handed on."""
    budget, (inits, signals), engine = BUDGETS[name], uneven_problem(3 * SMALL + 5), small_engine()
    found = []
    for look in (32, 1, 5):
        engine._look = look
        found.append(engine.fit(SPEC, signals, inits, budget))

    def single_calls(work: Callable[[], None], device: torch.device) -> Callable[[int], None]:
        def call(count: int) -> None:
            for _ in range(count):
                work()

        return call

    monkeypatch.setattr(torch_fits, "repeated", single_calls)
    found.append(engine.fit(SPEC, signals, inits, budget))
    assert all(same_bits(one, found[0]) for one in found[1:])
    if "explosion" not in name:
        assert (found[0].status == Status.diverged).sum() <= 1


@pytest.mark.parametrize("name", BUDGETS)
def test_no_step_waits_for_the_host(name: str) -> None:
    inits, signals = uneven_problem(8)
    batch = FieldBatch(SPEC, signals.coords, BUDGETS[name], 8, 32, torch.device("cuda"))
    progress = Progress(batch, BUDGETS[name], signals.span)
    batch.load(range(8), inits, signals.values, signals.keys)
    progress.start(list(range(8)))
    progress.advance()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this mode is a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        progress.advance()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert progress.step.max() >= 1


def test_threads_may_fit_at_once() -> None:
    """Each captures graphs of its own, again and again, while the others capture and replay theirs."""
    specs = [SPEC, FieldSpec([2, 24, 1]), FieldSpec([2, 16, 32, 16, 3], output_offset=0.5), SPEC]
    names = ["target-and-best", "minibatches", "all-steps", "logits"]
    cases = [
        (spec, *problem(spec, 100, 2 * SMALL + 3), BUDGETS[name])
        for spec, name in zip(specs, names, strict=True)
    ]
    engine = small_engine()

    def fit(case: int) -> FitResult:
        spec, inits, signals, budget = cases[case]
        return engine.fit(spec, signals, inits, budget)

    expected = [fit(case) for case in range(len(cases))]
    found: dict[int, list[FitResult]] = {case: [] for case in range(len(cases))}

    def work(case: int) -> None:
        for _ in range(5):
            found[case].append(fit(case))

    threads = [threading.Thread(target=work, args=(case,)) for case in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for case, results in found.items():
        assert len(results) == 5
        assert all(same_bits(one, expected[case]) for one in results)


def test_any_stream_may_be_current() -> None:
    inits, signals = problem(SPEC, 100, 5)
    engine, budget = TorchEngine("cuda"), BUDGETS["all-steps"]
    expected = engine.fit(SPEC, signals, inits, budget)
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        found = engine.fit(SPEC, signals, inits, budget)
        assert torch.cuda.current_stream() == stream
    assert same_bits(found, expected)


@pytest.mark.parametrize("tile", [64, 4096])
def test_many_fields_of_a_real_size(tile: int) -> None:
    """784 points, more fields than slots, one tile and several, at full precision though TF32 is allowed."""
    spec = FieldSpec([2, 32, 32, 1], output_offset=0.5)
    inits, signals = problem(spec, 784, 40)
    engine, budget = small_engine(), BUDGETS["all-steps"]
    engine._tile_elements = SMALL * 32 * tile
    expected = ReferenceEngine().fit(spec, signals, inits, budget)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        found = engine.fit(spec, signals, inits, budget)
    finally:
        torch.set_float32_matmul_precision(before)
    moved = np.linalg.norm(expected.weights - inits, axis=1)
    assert (np.linalg.norm(found.weights - expected.weights, axis=1) <= 1e-3 * moved).all()


def test_memory_that_is_taken_by_others_is_one_line_or_fewer_slots() -> None:
    """All memory but 64 MiB is full: whatever happens, no traceback of torch comes out."""
    spec = FieldSpec([2, 64, 64, 1])
    inits, signals = problem(spec, 20_000, 300)
    engine, budget = TorchEngine("cuda"), BUDGETS["one-step"]
    expected = engine.fit(spec, signals, inits, budget)
    assert engine.arithmetic["probe"]
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    taken = torch.empty(free - (64 << 20), dtype=torch.uint8, device="cuda")
    found, said = None, ""
    try:
        found = engine.fit(spec, signals, inits, budget)
    except EngineError as error:
        said = str(error)
    finally:
        del taken
        torch.cuda.empty_cache()
    assert "is out of memory for" in said if found is None else same_bits(found, expected)
