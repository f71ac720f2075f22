"""Registries of published sets as text: what is not written is unknown, and what is faulty is refused."""

import re
from pathlib import Path

import msgspec
import pytest

from neuralviews.errors import RecipeError
from neuralviews.remote.published import (
    Published,
    read_published,
)

OPTIONAL = (
    "licence",
    "file",
    "about_bytes",
    "sha256",
    "objects",
    "records",
    "views",
    "splits",
    "fingerprint",
)
SMALL = """
[papers.one]
authors = ["A. Author"]
title = "A title"
venue = "ICML"
year = 2023
url = "https://arxiv.org/abs/0000.00000"

[sets.some-fields]
title = "Some fields"
kind = "fields"
paper = "one"
signals = "MNIST"
by = "download"
links = [{ url = "https://example.org/a.zip", kind = "file" }]
format = "nfn"
"""


def read(text: str, folder: Path) -> tuple[Published, ...]:
    path = folder / "registry.toml"
    path.write_text(text)
    return read_published(path, "registry.toml")


def test_what_is_not_written_is_unknown(tmp_path: Path) -> None:
    (entry,) = read(SMALL, tmp_path)
    plain = msgspec.to_builtins(entry)
    assert {key: plain[key] for key in OPTIONAL} == dict.fromkeys(OPTIONAL, "unknown")
    assert set(plain["convention"].values()) == {"unknown"}
    assert (plain["mean_psnr"], plain["recipe"]) == ("unknown", "none")
    assert plain["publication"]["code"] == plain["publication"]["code_licence"] == "unknown"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('format = "nfn"', 'format = "nfn"\nsize = 3', "sets.some-fields: size: unknown key"),
        ('kind = "fields"', 'kind = "field"', "kind: found 'field', expected 'fields', 'radiance fields'"),
        ('format = "nfn"', 'format = "scalegmn"', "format: found 'scalegmn', expected one of dwsnets, multi"),
        ('format = "nfn"', "", "sets.some-fields: format: missing, expected one of dwsnets"),
        ('paper = "one"', 'paper = "on"', "paper: found 'on'; did you mean 'one'? expected a key of"),
        ("year = 2023", "year = 1999", "papers.one: year: found 1999, expected a year from 2018 on"),
        ("https://example", "http://example", "links.url: found [{'url': 'http://example.org/a.zip'"),
        (
            'kind = "file"',
            'kind = "page"',
            "by: found 'download', expected 'browser': that is what the kinds",
        ),
        ('by = "download"', 'by = "nothing"', "by: found 'nothing', expected 'download'"),
        (
            'format = "nfn"',
            'format = "nfn"\nobtain = "ask"',
            "obtain: expected for every set but those by 'd",
        ),
        (
            'format = "nfn"',
            'format = "nfn"\nreason = "none"',
            "reason: expected for format 'none' alone, fou",
        ),
        (
            'format = "nfn"',
            'format = "none"',
            "reason: expected for format 'none' alone, found format 'none'",
        ),
        ('kind = "fields"', 'kind = "classifiers"', "format: found 'nfn', expected 'none': classifiers cann"),
        ('format = "nfn"', 'format = "nfn"\nsha256 = "ab"', "sha256: found 'ab', expected 64 hexadecimal"),
        ('format = "nfn"', 'format = "nfn"\nobjects = -1', "objects: found -1, expected a whole number, 0"),
        ('format = "nfn"', 'format = "nfn"\nobjects = "?"', "objects: found '?', expected a whole number, 0"),
        (
            'format = "nfn"',
            'format = "nfn"\nobjects = 4\nsplits = { train = 1, val = 1, test = 1 }',
            "splits: found 3 objects in all, expected 4, the set's objects",
        ),
        (
            'format = "nfn"',
            'format = "nfn"\nconvention = { dims = [2, 8, 3], target_range = [[0, 1], [0, 1]] }',
            "convention.target_range: found 2 pairs, expected 1 or 3",
        ),
        (
            'format = "nfn"',
            'format = "nfn"\nconvention = { target_range = [[1, 1]] }',
            "convention.target_range: found two equal numbers, expected two ends",
        ),
        (
            'format = "nfn"',
            'format = "nfn"\nconvention = { omga = 30 }',
            "convention.omga: unknown key; did you mean 'omega'?",
        ),
        (
            'format = "nfn"',
            'format = "nfn"\nfingerprint = { weight_std = [0.1, 0.2], bias_std = [0.1, 0.2] }',
            "fingerprint.weight_std: found 2 numbers, expected one for each layer of dims 'unknown'",
        ),
        (
            'kind = "file" }]',
            'kind = "file" }, { url = "https://example.org/a.zip", kind = "page" }]',
            "links: found an address twice, expected each once",
        ),
        ("some-fields", "Some_Fields", "sets.Some_Fields: the name: expected lower-case letters, digits"),
        ("some-fields", "a" * 41, "the name: expected lower-case letters, digits and single '-', 40 at most"),
        ("[papers.one]", "[paper.one]", "registry.toml: paper: unknown key; did you mean 'papers'?"),
        ("[papers.one]", "[papers.one", "registry.toml: not valid TOML"),
    ],
)
def test_a_faulty_registry_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in SMALL
    with pytest.raises(RecipeError, match=re.escape(message)) as caught:
        read(SMALL.replace(old, new), tmp_path)
    assert str(caught.value).startswith("registry.toml: ")


def test_only_fields_have_a_convention(tmp_path: Path) -> None:
    text = SMALL.replace('"fields"', '"classifiers"').replace('"nfn"', '"none"\nreason = "they are none"')
    assert read(text, tmp_path)[0].kind == "classifiers"
    with pytest.raises(
        RecipeError, match="convention: found one, expected none: classifiers have no convent"
    ):
        read(f"{text}convention = {{ omega = 30 }}\n", tmp_path)


def test_without_links_it_is_asked_for_or_not_published(tmp_path: Path) -> None:
    text = re.sub(r"^links = .*$", 'obtain = "ask"', SMALL, flags=re.M)
    for by in ("e-mail", "nothing"):
        (entry,) = read(text.replace('"download"', f'"{by}"'), tmp_path)
        assert (entry.mirrors, entry.pages, entry.by) == ((), (), by)
    with pytest.raises(
        RecipeError, match="by: found 'browser' without a link, expected 'e-mail' or 'nothing'"
    ):
        read(text.replace('"download"', '"browser"'), tmp_path)
