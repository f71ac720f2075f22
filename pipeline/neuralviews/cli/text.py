"""Plain text for terminals: tables and quantities."""

from collections.abc import Iterable, Sequence

from ..errors import printable

__all__ = ["bytes_text", "duration_text", "table"]


def bytes_text(count: int) -> str:
    """A size in decimal units with three significant digits: ``999 B``, ``4.74 kB``, ``3.32 GB``."""
    size, units = float(count), iter(("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB"))
    unit = next(units)
    while size >= 999.5:
        size, unit = size / 1000, next(units)
    return f"{count} B" if unit == "B" else f"{size:.{2 - (size >= 9.995) - (size >= 99.95)}f} {unit}"


def duration_text(seconds: float) -> str:
    """A time with two significant digits: ``3.2 s``, ``45 min``, ``7.5 h``, ``120 days``."""
    for unit, length, most in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < most * length:
            return f"{_two_digits(seconds / length)} {unit}"
    return f"{_two_digits(seconds / 86_400)} days"


def _two_digits(number: float) -> str:
    return f"{number:.1f}" if number < 9.95 else f"{round(number, 1 - len(str(int(number + 0.5))) + 1):,.0f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Columns padded to their widest cell and two spaces apart; those in ``right`` are right-aligned."""
    lines = [[printable(cell) for cell in line] for line in (header, *rows)]  # names may be anybody's
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    flush = set(right)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in flush else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
