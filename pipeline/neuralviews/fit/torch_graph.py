"""Repeating the same work on a torch device: call by call, or as a CUDA graph that is launched whole."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

__all__ = ["own_stream", "repeated"]

WARM_UPS = 2
_capturing = threading.Lock()
"""A capture begins by waiting for the whole device, which would break the capture of another thread."""
_local = threading.local()


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Work on a stream that belongs to this thread; elsewhere than on CUDA, as ever.

    The default stream cannot be captured, and threads that share a stream would be captured together.
    What is worked on must come from the host and go there: no other stream is waited for.
    """
    if device.type != "cuda":
        yield
        return
    streams: dict[torch.device, torch.cuda.Stream] = _local.__dict__.setdefault("streams", {})
    with torch.cuda.device(device):
        if device not in streams:
            streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(streams[device]):
            yield


def repeated(work: Callable[[], None], device: torch.device) -> Callable[[int], None]:
    """``work``, to be done as many times in a row as the returned function is told.

    On CUDA, where calling kernels one by one takes longer than running them, it is captured as a graph:
    ``work`` must not wait for the device, must find its inputs and leave its results in tensors that stay
    where they are, and must be harmless right now, since it runs a few times to warm up. Call this, and
    what it returns, inside `own_stream`.
    """
    if device.type != "cuda":

        def call(count: int) -> None:
            for _ in range(count):
                work()

        return call

    with _capturing:
        for _ in range(WARM_UPS):  # libraries make handles and workspaces, which no graph may hold
            work()
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream(device)
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            work()

    def replay(count: int) -> None:
        for _ in range(count):
            graph.replay()

    return replay
