"""The registry of published sets as text: in a table, as JSON, one by one, and as a page."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from neuralviews.cli.published_facts import HEADER, facts, row
from neuralviews.cli.published_table import published_json, published_table, published_text
from neuralviews.errors import OptionError
from neuralviews.remote.published import Published, load_published

ROOT = Path(__file__).parents[2]
SETS = {entry.name: entry for entry in load_published()}
WIDTH = 110


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """docs/make_published.py, which belongs to no package."""
    found = importlib.util.spec_from_file_location("make_published", ROOT / "docs" / "make_published.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def stated(entry: Published) -> list[str]:
    """Texts that must be found wherever everything about a set is told."""
    return [
        entry.title,
        entry.signals,
        entry.publication.title,
        entry.publication.url,
        *entry.publication.authors,
        *(link.url for link in entry.links),
        entry.licence,
        entry.sha256,
        entry.file,
        entry.format,
        *filter(None, [entry.obtain, entry.reason]),
        *entry.remarks,
        *entry.unverified,
    ]


def test_the_table_has_a_line_for_each_set() -> None:
    head, *lines = published_table().splitlines()
    assert head.split() == list(HEADER)
    assert [line.split()[0] for line in lines[: len(SETS)]] == list(SETS)
    assert lines[len(SETS)] == ""
    assert f"A sha256 is known of 0 of {len(SETS)} sets." in lines[-1]
    assert max(map(len, [head, *lines])) <= WIDTH


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        (
            "mnist-dwsnets",
            ("2-32-32-1", "70,000", "?", "xy w30 +0.5 [0,1]", "?", "Dropbox", "dwsnets"),
        ),
        ("mnist-nfn", ("2-32-32-1", "510,000", "?", "ij w30 [-1,1]", "?", "Drive", "nfn")),
        (
            "cityscapes-implicit-zoo",
            ("2-256x4-3", "23,473", "~18.4 GB", "xy w30 z-score", "?", "the Hub", "implicit-zoo"),
        ),
        ("mnist-arena", ("?", "?", "?", "xy w? z-score", "?", "Zenodo", "fit-a-nef")),
        ("manifold40-inr2vec", ("3-512x4-1", "?", "?", "w30 logits", "?", "e-mail", "inr2vec")),
        ("sine-dwsnets", ("1-32-32-1", "?", "?", "w30 +0.5", "?", "Dropbox", "dwsnets")),
        ("celeba-hq-functa", ("-", "?", "?", "-", "CC-BY-4.0", "GitHub", "no")),
        ("modelnet40-multiview", ("?", "?", "?", "?", "?", "nowhere", "no")),
        ("airplanes-hyperdiffusion", ("?", "?", "?", "w? +? logits", "?", "Drive", "no")),
    ],
)
def test_a_line_says_what_decides(name: str, cells: tuple[str, ...]) -> None:
    assert row(SETS[name]) == (name, *cells)


def test_json_holds_every_fact() -> None:
    listed = json.loads(published_json())
    assert [entry["name"] for entry in listed] == list(SETS)
    for plain, entry in zip(listed, SETS.values(), strict=True):
        assert plain["publication"]["title"] == entry.publication.title
        assert [link["url"] for link in plain["links"]] == [link.url for link in entry.links]
        assert plain["unverified"] == list(entry.unverified)
        for key in ("sha256", "licence", "objects", "records", "recipe", "format", "mean_psnr"):
            assert plain[key] == getattr(entry, key)
        assert plain["convention"]["axis_order"] == entry.convention.axis_order


@pytest.mark.parametrize("name", SETS)
def test_the_text_of_a_set_tells_everything(name: str) -> None:
    entry, text = SETS[name], published_text(name)
    assert text.startswith(f"{name}: {entry.title}\n\n")
    flat = re.sub(r"\s+", " ", text)
    for fact in stated(entry):
        assert fact in flat
    too_long = [line for line in text.splitlines() if len(line) > 100]
    assert all("https://" in line for line in too_long)  # an address is not cut
    assert len(re.findall(r"^sha256 +unknown$", text, re.M)) == 1
    if entry.kind == "fields":
        assert [what for what, _ in facts(entry)].count("coordinates") == 1


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(
        OptionError, match=r"no published set is named 'mnist-dws'; did you mean 'mnist-dwsnets'\? "
    ):
        published_text("mnist-dws")


def test_the_page_is_the_registry(script: ModuleType) -> None:
    assert (ROOT / "docs" / "published.md").read_text() == script.published_page(), (
        "docs/published.md is not what the registry says: run python docs/make_published.py"
    )


def test_the_page_lists_exactly_the_sets_and_their_facts() -> None:
    head, *sections = re.split(r"^## ", (ROOT / "docs" / "published.md").read_text(), flags=re.M)
    assert re.findall(r"^\| \[([a-z0-9-]+)\]\(#\1\) \|", head, re.M) == list(SETS)
    assert [section.split("\n", 1)[0] for section in sections] == list(SETS)
    for section, entry in zip(sections, SETS.values(), strict=True):
        plain = re.sub(r"\\([\\*_\[\]<>|])", r"\1", section)
        for fact in stated(entry):
            assert fact in plain
        for link in entry.links:
            assert f"<{link.url}>" in section


def test_what_markdown_would_read_as_its_own_is_escaped(script: ModuleType) -> None:
    marked = script._marked("see https://a.org/b_c_d (x), a_b*c [1] and `d_e*`")
    assert marked == r"see <https://a.org/b_c_d> (x), a\_b\*c \[1\] and `d_e*`"
