"""Why something of a source is no object, in words that a job can state.

They hold nothing of the machine, its libraries or where the files lie: equal sources make equal jobs. What
was found exactly is said once, when it is found.
"""

from enum import StrEnum

__all__ = ["Reason"]


class Reason(StrEnum):
    """One of a few; the value stands in the job."""

    missing_class = "found no meshes of this class"
    misplaced = "lies in no folder that says its class or split"
    other_format = "a mesh of a format that is not read"
    unreadable = "cannot be read"
    no_mesh = "is no mesh that can be fitted"
    unreliable = "its signs are contradicted beyond shape.max_disagreement, and the recipe skips such meshes"
