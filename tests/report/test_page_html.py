"""Markup of which no text can become a part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.remote.words import markdown
from neuralviews.report.page_bars import bar, columns
from neuralviews.report.page_html import Html, disclosure, element, table
from neuralviews.report.page_text import inline, paragraphs, quoted_text

from .html_pages import Page

HOSTILE = "</td></table><script>alert('1')</script>\" onerror=\"x&lt;"


@given(text=st.text(), attribute=st.text())
def test_any_text_reads_back_as_text(text: str, attribute: str) -> None:
    page = Page(element("p", text, title=attribute))
    assert [name for name, _ in page.elements] == ["p"]
    for found, given_ in ((page.text, text), (page.elements[0][1]["title"] or "", attribute)):
        assert found == "".join(c if c == "\n" or c.isprintable() else repr(c)[1:-1] for c in given_)


@given(text=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_escaped_markdown_reads_back_as_text(text: str) -> None:
    page = Page(inline(markdown(text)))
    assert not page.elements
    assert page.text == text


def test_markup_is_not_escaped_again() -> None:
    assert element("p", element("b", "1 < 2"), " & ") == "<p><b>1 &lt; 2</b> &amp; </p>"
    assert element("img", alt=None, src="a") == '<img src="a">'


def test_a_table_names_its_lines_and_columns() -> None:
    made = table(HOSTILE, ("name", "n"), [(HOSTILE, "1"), (Html("<b>b</b>"), "2")], numbers=[1])
    page = Page(made)
    (found,) = page.tables
    assert found.caption == HOSTILE
    assert found.lines == [["name", "n"], [HOSTILE, "1"], ["b", "2"]]
    assert [cell["scope"] for cell in page.all("th")] == ["col", "col", "row", "row"]
    assert [cell["class"] for cell in page.all("td")] == ["number", "number"]
    assert page.all("div")[0]["aria-label"] == HOSTILE


def test_markdown_of_cards() -> None:
    made = paragraphs(
        [
            "One `a < b` of [a page](https://example.org/x).\n\n> A. Author. Title.\n> Venue. <https://doi.org/1>",
            "- one\n- two",
            "```\nneuralviews info 'a & b'\n\nls\n```",
        ]
    )
    page = Page(made)
    assert [name for name, _ in page.elements] == ["p", "code", "blockquote", "p", "ul", "li", "li", "pre"]
    for part in (
        "One a < b of a page (https://example.org/x).",
        "A. Author. Title. Venue. https://doi.org/1",
        "neuralviews info 'a & b'\n\nls",
    ):
        assert part in page.text
    assert "https://example.org" in page.text


def test_long_texts_are_cut() -> None:
    page = Page(quoted_text("x" * 30_000, "job.json"))
    assert len(page.text) < 20_100
    assert page.text.endswith("(10,000 characters more: job.json has all)")


def test_what_is_folded_has_a_summary() -> None:
    assert disclosure("a & b", "text") == "<details><summary>a &amp; b</summary>text</details>"


@pytest.mark.parametrize("parts", [[(0.25, "train"), (0.5, "test")], [(1.0, "train")], []])
def test_bars_are_as_long_as_their_shares(parts: list[tuple[float, str]]) -> None:
    back, *drawn = Page(bar(parts)).all("rect")
    assert back["width"] == "100.00"
    assert [float(part["width"] or "") for part in drawn] == [100 * share for share, _ in parts]
    starts = [sum(100 * share for share, _ in parts[:place]) for place in range(len(parts))]
    assert [float(part["x"] or "") for part in drawn] == starts


def test_columns_are_as_high_as_their_counts() -> None:
    page = Page(columns([0, 5, 10], "from 0 to 1"))
    _, *drawn = page.all("rect")
    assert [(part["x"], part["height"]) for part in drawn] == [("33.33", "10.00"), ("66.67", "20.00")]
    assert page.all("svg")[0]["aria-label"] == "from 0 to 1"
    assert len(Page(columns([0, 0], "none")).all("rect")) == 1
