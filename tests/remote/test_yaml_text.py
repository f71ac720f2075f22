"""YAML as it is written for cards and citations: it reads back as what it was made of."""

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.remote.yaml_text import yaml_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.one_of(TEXTS, st.booleans(), st.integers())
KEYS = st.from_regex(r"[a-z][a-z-]{0,5}", fullmatch=True).filter(
    lambda key: key not in ("on", "off", "yes", "no")
)
ITEMS = st.lists(SCALARS, min_size=1, max_size=3) | st.lists(
    st.dictionaries(KEYS, SCALARS, min_size=1, max_size=3), min_size=1, max_size=3
)


@given(st.dictionaries(KEYS, SCALARS | ITEMS | st.dictionaries(KEYS, ITEMS, min_size=1), min_size=1))
def test_yaml_reads_back(table: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_text(table)) == table
