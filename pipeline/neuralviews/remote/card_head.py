"""The head of a dataset card: YAML that the Hugging Face Hub reads."""

from typing import Any

from .facts import ReleaseFacts
from .terms import Terms
from .words import tags
from .yaml_text import yaml_text

__all__ = ["head"]

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_LARGER = ((10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"))
_LARGEST = ((10**11, "10B<n<100B"), (10**12, "100B<n<1T"))


def head(facts: ReleaseFacts, terms: Terms, title: str) -> str:
    """The YAML between its two lines of dashes, without the last line break.

    The only split is called ``records``, since shards mix train, val and test: the column ``meta/split``
    says which is which.
    """
    table: dict[str, Any] = {"license": "unknown" if terms.licence is None else terms.licence.hub or "other"}
    if terms.licence is not None and terms.licence.hub is None:
        table["license_name"] = terms.licence.spdx.lower()
        if terms.licence.url is not None:
            table["license_link"] = terms.licence.url
    table |= {
        "pretty_name": title,
        "tags": tags(facts),
        "task_categories": ["other"],  # none of the Hub's tasks takes weights
        "size_categories": [_size(facts.records)],
        "configs": [{"config_name": "default", "data_files": [{"split": "records", "path": "shards/*.h5"}]}],
    }
    return f"---\n{yaml_text(table)}---"


def _size(records: int) -> str:
    return next((name for limit, name in (*_SIZES, *_LARGER, *_LARGEST) if records < limit), "n>1T")
