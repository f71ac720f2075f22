"""All columns of an assignment, 16 at a time: in a loop over memory, or unrolled over registers."""

from collections.abc import Callable
from typing import Any, Protocol

from llvmlite import ir

from ..vector.emit import Value
from ..vector.search import LANES, Searcher

__all__ = ["Columns", "Looped", "Unrolled"]


class Vectors(Protocol):
    """Vectors that cover all columns, each found by its first column."""

    def get(self, at: Any) -> Value: ...

    def set(self, at: Any, value: Value) -> None: ...

    def read(self) -> None:
        """Take them from memory."""

    def write(self) -> None:
        """Bring memory up to date."""


class Columns(Protocol):
    """How the columns are gone through; the first column of a vector is an int if it is known."""

    count: Value

    def each(self, body: Callable[[Any], None]) -> None:
        """Run ``body(first column)`` for each vector."""

    def find(self, condition: Callable[[Any], Value]) -> Value:
        """The first column for which ``condition(first column)`` is true; there has to be one."""

    def vectors(self, kind: Value, array: Value) -> Vectors:
        """Vectors of one kind that are new; ``array`` is their place in memory."""


class Stored:
    """Vectors in memory."""

    def __init__(self, e: Searcher, kind: Value, array: Value) -> None:
        self._e, self._kind, self._array = e, kind, array

    def get(self, at: Value) -> Value:
        return self._e.load_vector(self._kind, self._array, at)

    def set(self, at: Value, value: Value) -> None:
        self._e.store_vector(value, self._array, at)

    def read(self) -> None:
        """They are in memory."""

    def write(self) -> None:
        """They are in memory."""


class Looped:
    """Any number of columns."""

    def __init__(self, e: Searcher, count: Value) -> None:
        self._e, self.count = e, count

    def each(self, body: Callable[[Any], None]) -> None:
        with self._e.loop(0, self.count, LANES) as at:
            body(at)

    def find(self, condition: Callable[[Any], Value]) -> Value:
        at, lane = self._e.variable(self._e.index(-LANES)), self._e.variable(self._e.index(0))
        with self._e.repeat() as leave:
            at.set(self._e.index(at.get(), LANES))
            lane.set(self._e.first_true([condition(at.get())]))
            leave(self._e.below(lane.get(), LANES))
        return self._e.index(at.get(), lane.get())

    def vectors(self, kind: Value, array: Value) -> Vectors:
        return Stored(self._e, kind, array)


class Held:
    """Vectors in as many variables; LLVM spills those for which there is no register."""

    def __init__(self, e: Searcher, kind: Value, array: Value, count: int) -> None:
        self._e, self._kind, self._array = e, kind, array
        self._vectors = {at: e.variable(ir.Constant(kind, ir.Undefined)) for at in range(0, count, LANES)}

    def get(self, at: int) -> Value:
        return self._vectors[at].get()

    def set(self, at: int, value: Value) -> None:
        self._vectors[at].set(value)

    def read(self) -> None:
        for at, vector in self._vectors.items():
            vector.set(self._e.load_vector(self._kind, self._array, self._e.index(at)))

    def write(self) -> None:
        for at, vector in self._vectors.items():
            self._e.store_vector(vector.get(), self._array, self._e.index(at))


class Unrolled:
    """A few columns, whose number is known."""

    def __init__(self, e: Searcher, count: int) -> None:
        self._e, self._firsts, self.count = e, range(0, count, LANES), e.index(count)

    def each(self, body: Callable[[Any], None]) -> None:
        for at in self._firsts:
            body(at)

    def find(self, condition: Callable[[Any], Value]) -> Value:
        return self._e.first_true([condition(at) for at in self._firsts])

    def vectors(self, kind: Value, array: Value) -> Vectors:
        return Held(self._e, kind, array, self._firsts.stop)
