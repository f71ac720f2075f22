"""Vector code that compares, chooses and branches."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

from .emit import BITS, FLOAT, INDEX, Emitter, Value

__all__ = ["LANES", "Searcher"]

LANES = 16


class Searcher(Emitter):
    """Writes vectors of 16 lanes on every machine; LLVM splits them where registers are shorter.

    So what is found does not depend on the machine, ties included. A condition is one bit, or one for
    each lane. Integers are int32 in memory and in vectors, and indices everywhere else.
    """

    def __init__(self, builder: Value) -> None:
        super().__init__(builder, LANES)
        self.integers = ir.VectorType(BITS, LANES)

    def float(self, number: float) -> Value:
        return ir.Constant(FLOAT, number)

    def load_integer(self, array: Value, at: Value) -> Value:
        return self.builder.sext(self.builder.load(self._address(array, at, BITS)), INDEX)

    def store_integer(self, value: Value, array: Value, at: Value) -> None:
        self.builder.store(self.builder.trunc(value, BITS), self._address(array, at, BITS))

    def load_vector(self, kind: Value, array: Value, at: Value) -> Value:
        """A vector of floats or of integers."""
        return self.builder.load(self._address(array, at, kind), align=4)

    def store_vector(self, value: Value, array: Value, at: Value) -> None:
        """Store a vector of floats or of integers."""
        self.builder.store(value, self._address(array, at, value.type), align=4)

    def splat_index(self, index: Value) -> Value:
        return self.splat(self.builder.trunc(index, BITS))

    def less(self, a: Value, b: Value) -> Value:
        """Whether ``a < b``, of floats: not if one is not a number."""
        return self.builder.fcmp_ordered("<", a, b)

    def equal(self, a: Value, b: Value) -> Value:
        """Whether floats are equal: not if one is not a number."""
        return self.builder.fcmp_ordered("==", a, b)

    def minus(self, a: Value, b: Value | int) -> Value:
        """The difference of two indices."""
        return self.builder.sub(a, self.index(b))

    def below(self, a: Value, b: Value | int) -> Value:
        """Whether one index is less than another."""
        return self.builder.icmp_signed("<", a, self.index(b))

    def same(self, a: Value, b: Value) -> Value:
        """Whether two indices are equal."""
        return self.builder.icmp_signed("==", a, b)

    def either(self, a: Value, b: Value) -> Value:
        return self.builder.or_(a, b)

    def lane_is(self, index: Value) -> Value:
        """Of each lane, whether its number is ``index``."""
        numbers = ir.Constant(self.integers, list(range(LANES)))
        return self.builder.icmp_signed("==", numbers, self.splat_index(index))

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """``a`` where the condition is true, else ``b``."""
        return self.builder.select(condition, a, b)

    def minimum(self, a: Value, b: Value) -> Value:
        """``a`` where it is less, else ``b``: so ``b`` where ``a`` is not a number."""
        return self.select(self.less(a, b), a, b)

    def maximum(self, a: Value, b: Value) -> Value:
        """``a`` where it is greater, else ``b``: so ``b`` where ``a`` is not a number."""
        return self.select(self.less(b, a), a, b)

    def exchange(self, vector: Value, distance: int) -> Value:
        """Swap lanes that are ``distance`` apart; done for 8, 4, 2 and 1, each lane has met all others."""
        return self.shuffle(vector, vector, [lane ^ distance for lane in range(LANES)])

    def first(self, vector: Value) -> Value:
        """The number in the first lane."""
        return self.builder.extract_element(vector, ir.Constant(BITS, 0))

    def first_true(self, conditions: Sequence[Value]) -> Value:
        """The index of the first lane that is true, vector after vector; the number of lanes if none is."""
        bits = ir.IntType(LANES * len(conditions))
        found = ir.Constant(bits, 0)
        for i, condition in enumerate(conditions):
            lanes = self.builder.zext(self.builder.bitcast(condition, ir.IntType(LANES)), bits)
            found = self.builder.or_(found, self.builder.shl(lanes, ir.Constant(bits, i * LANES)))
        zeros = self.builder.cttz(found, ir.Constant(ir.IntType(1), 0))
        if bits.width < INDEX.width:
            return self.builder.zext(zeros, INDEX)
        return self.builder.trunc(zeros, INDEX)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Run the body if the condition is true."""
        with self.builder.if_then(condition):
            yield

    @contextmanager
    def repeat(self) -> Iterator[Callable[[Value], None]]:
        """Run the body again and again, until what it is given is called with a condition that is true."""
        body, after = (self.builder.append_basic_block() for _ in range(2))

        def leave(condition: Value) -> None:
            go_on = self.builder.append_basic_block()
            self.builder.cbranch(condition, after, go_on)
            self.builder.position_at_end(go_on)

        self.builder.branch(body)
        self.builder.position_at_end(body)
        yield leave
        self.builder.branch(body)
        self.builder.position_at_end(after)
