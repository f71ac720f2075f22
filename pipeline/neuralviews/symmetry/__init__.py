"""The symmetries of a SIREN: elements of its group, canonical forms, and alignment over it.

Importing it loads no compiler: numba is imported by the first call that needs it.
"""

from .align import align
from .canonical import canonical
from .group import Element, Group, hidden_slices

__all__ = ["Element", "Group", "align", "canonical", "hidden_slices"]
