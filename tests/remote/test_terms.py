"""What the publisher states: checked, never made up, and missed out loud."""

from typing import Any

import pytest

from neuralviews.errors import OptionError
from neuralviews.remote.licences import licence_of
from neuralviews.remote.terms import Terms

from .releases import STATED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"title": "two\nlines"}, r"--title: found 'two\\nlines', expected one line of text"),
        ({"source_license": " "}, r"--source-license: found ' ', expected one line"),
        ({"creators": ["A", ""]}, r"--creator: found '', expected one line"),
        ({"date": "28.11.2026"}, r"--date: found '28.11.2026', expected a day such as 2026-11-28"),
        ({"date": "2026-02-30"}, r"--date: found '2026-02-30', expected a day"),
        ({"date": "20261128"}, r"--date: found '20261128', expected a day"),
        (
            {"url": "example.org"},
            r"--url: found 'example.org', expected an address that begins with https://",
        ),
        ({"url": "https://e.org/a b"}, r"--url: found 'https://e.org/a b', expected an address"),
        ({"url": "https://e.org/x?y=1"}, r"--url: found .*, expected an address .* and has no user, \? or #"),
        ({"url": "https://e.org/x#y"}, r"--url: found 'https://e.org/x#y', expected an address"),
        ({"url": "https://me:secret@e.org/x"}, r"--url: found .*, expected an address .* and has no user"),
        ({"to": "owner/name"}, r"--to: found 'owner/name', expected hf://owner/name"),
        ({"to": "hf://owner/../x"}, r"--to: found 'hf://owner/../x', expected hf://owner/name"),
        ({"license": "MIT OR Apache-2.0"}, r"--license: found 'MIT OR Apache-2.0', expected an SPDX identif"),
        ({"license": ""}, r"--license: found '', expected an SPDX identifier such as MIT or CC-BY-4.0"),
    ],
)
def test_errors_name_the_option(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Terms.checked(**options)


@pytest.mark.parametrize(
    ("given", "spdx", "hub"),
    [
        ("CC-BY-4.0", "CC-BY-4.0", "cc-by-4.0"),
        ("mit", "MIT", "mit"),
        ("ODbL-1.0", "ODbL-1.0", "odbl"),
        ("gpl-3.0-only", "GPL-3.0-only", "gpl-3.0"),
        ("LicenseRef-academic", "LicenseRef-academic", None),
    ],
)
def test_licences_have_the_names_of_the_hub(given: str, spdx: str, hub: str | None) -> None:
    assert licence_of(given) == (spdx, hub)


def test_nobodys_own_licence_is_said_to_be_on_the_list_of_spdx() -> None:
    assert licence_of("MIT").url == "https://spdx.org/licenses/MIT.html"
    assert licence_of("eupl-1.2") == ("EUPL-1.2", None)
    assert licence_of("eupl-1.2").url == "https://spdx.org/licenses/EUPL-1.2.html"
    for unknown in ("LicenseRef-academic", "bogus-licence", "MIT-9"):
        assert licence_of(unknown).url is None


def test_the_repository_gives_the_address() -> None:
    terms = Terms.checked(to="hf://owner/my.set")
    assert terms.page == "https://huggingface.co/datasets/owner/my.set"
    assert terms.base == "https://huggingface.co/datasets/owner/my.set/resolve/main/"
    assert terms.repository == "owner/my.set"


def test_an_address_of_ones_own_comes_first() -> None:
    terms = Terms.checked(to="hf://owner/name", url="https://example.org/files/")
    assert (terms.page, terms.base) == ("https://example.org/files/", "https://example.org/files/")


def test_what_is_missing_is_said() -> None:
    assert Terms().missing() == [
        "licence: not stated, so the card says 'unknown'; give --license",
        "croissant.json: without creator, datePublished, url, which Croissant asks for; "
        "give --creator, --date, --url",
    ]
    assert Terms.checked(
        license="LicenseRef-x", creators=["A"], date="2026-01-01", to="hf://a/b"
    ).missing() == [
        "licence: the Hub does not list LicenseRef-x; the card says 'other', and the name without a link, "
        "as no SPDX licence is known by it here"
    ]
    assert Terms.checked(license="EUPL-1.2").missing()[0] == (
        "licence: the Hub does not list EUPL-1.2; the card says 'other', and the name"
    )
    assert STATED.missing() == []
