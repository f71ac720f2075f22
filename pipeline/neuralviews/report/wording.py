"""Numbers, labels and settings as people read them."""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ..errors import printable
from ..records import NO_LABEL

__all__ = ["NO_ERROR", "decibels", "label_text", "shares_text", "shortened", "step_text"]

NO_ERROR = 999.0
"""The PSNR in dB that stores hold for a loss of 0."""

_LONGEST_VALUE = 40
_LEAST_SHARE = 0.005  # two decimals make 0.00 of less


def decibels(psnr: float, digits: int = 1) -> str:
    """A PSNR with its unit; infinite for a loss of 0, and said to be unknown where it is NaN."""
    if psnr != psnr:
        return "unknown"
    return "∞ dB" if psnr >= NO_ERROR else f"{psnr:.{digits}f} dB"


def label_text(names: tuple[str, ...] | None, label: int) -> str:
    """The name of a class, its number without names, nothing for no label."""
    if label == NO_LABEL:
        return ""
    return printable(names[label]) if names and 0 <= label < len(names) else f"label {label}"


def shares_text(names: tuple[str, ...] | None, classes: NDArray[Any], shares: NDArray[Any]) -> str:
    """A soft label such as ``0.71 '3' + 0.29 '8'``, the largest share first.

    Args:
        classes, shares: (m,) slots of one record; what the shares lack to 1 is said to be of all classes.
    """
    total: dict[int, float] = defaultdict(float)
    for label, share in zip(classes.tolist(), shares.tolist(), strict=True):
        if label != NO_LABEL:
            total[label] += share
    if not total:
        return "no label"
    largest = sorted(total, key=lambda label: (-total[label], label))
    parts = [(total[label], f"'{label_text(names, label)}'") for label in largest]
    parts.append((1 - sum(total.values()), "all"))
    parts = [(share, name) for share, name in parts if share >= _LEAST_SHARE]
    if len(parts) == 1:
        return parts[0][1]
    return " + ".join(f"{share:.2f} {name}" for share, name in parts)


def shortened(text: str, limit: int) -> str:
    """At most ``limit`` characters, with an ellipsis in place of what is cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def step_text(step: Mapping[str, Any]) -> str:
    """An operation as a plan has it, such as ``mixup(beta 0.3, law beta)``; of long texts only the length."""
    settings = ", ".join(f"{key} {_value_text(value)}" for key, value in step.items() if key != "op")
    return f"{step.get('op')}({settings})"


def _value_text(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return f"[{', then '.join(map(step_text, value))}]"
    text = json.dumps(value, ensure_ascii=False).strip('"')
    return text if len(text) <= _LONGEST_VALUE else f"of {len(text):,} characters"
