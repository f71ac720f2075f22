"""A GPU that runs kernels, through torch's memory and streams."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..torch_device import device_failed, failure, find_device, out_of_memory
from ..torch_graph import own_stream
from .kernel import Fitted, OutOfMemory, Task
from .program import Program, compiled, require_bindings
from .shape import KernelShape

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CudaDevice"]


class CudaDevice:
    """One GPU.

    Args:
        name: of a CUDA device, such as ``"cuda"`` or ``"cuda:1"``.
    Raises:
        EngineError: torch does not find it.
    """

    def __init__(self, name: str) -> None:
        import torch

        self.device = find_device(name)
        require_bindings()
        self.name = f"{self.device}"
        properties: Any = torch.cuda.get_device_properties(self.device)
        self.shared_bytes: int = properties.shared_memory_per_block_optin

    def load(self, shape: KernelShape, macros: Mapping[str, str]) -> "_DeviceKernel":
        """Compile the kernel of a shape, and load it.

        Raises:
            EngineError: it cannot be compiled, or the device failed.
        """
        import torch

        with self._failures(), torch.cuda.device(self.device):
            code = compiled(macros, torch.cuda.get_device_capability(self.device))
            return _DeviceKernel(self, Program(code, shape.shared_bytes), shape)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            if out_of_memory(error):
                raise OutOfMemory from None
            reason = failure(error) or next(iter(f"{error}".splitlines()), "no reason given")
            raise device_failed(self.name, reason) from None


class _DeviceKernel:
    """A kernel on a GPU; each thread has a stream of its own, so their runs go side by side."""

    def __init__(self, device: CudaDevice, program: Program, shape: KernelShape) -> None:
        self._device, self._program, self._shape = device, program, shape

    def run(self, task: Task) -> Fitted:
        """See `Kernel.run`."""
        device = self._device.device
        with self._device._failures(), own_stream(device):
            return self._run(task)

    def _run(self, task: Task) -> Fitted:
        import torch

        device, fields = self._device.device, len(task.inits)

        def given(array: NDArray[Any]) -> "Tensor":
            return torch.tensor(array, device=device)  # a copy: the caller's may be read-only

        def room(*size: int, dtype: torch.dtype = torch.float32) -> "Tensor":
            return torch.empty(size, dtype=dtype, device=device)

        arrays = (task.coords, task.values, task.inits, task.streams)
        inputs = [None if array is None else given(array) for array in arrays]
        inputs += map(given, (task.sizes, task.corrections, task.scalars))
        slabs = room(fields, self._shape.slab_floats)
        found = [room(*task.inits.shape), room(fields), *(room(fields, dtype=torch.int32) for _ in range(2))]
        pointers = [0 if tensor is None else tensor.data_ptr() for tensor in inputs]
        numbers = (task.count, task.batch, task.steps, int(task.keep_best))
        outputs = [tensor.data_ptr() for tensor in (slabs, *found)]
        stream = torch.cuda.current_stream(device).cuda_stream
        self._program.launch(fields, self._shape.threads, stream, pointers, numbers, outputs)
        weights, squares, steps, status = (tensor.cpu().numpy() for tensor in found)
        return Fitted(weights, squares, steps.view(np.uint32), status.view(np.uint32))
