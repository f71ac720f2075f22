"""Where the records of a store come from, on its page, and how to make them again."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import FormatError
from ..remote.card_code import plan_name, remake_lines
from ..remote.environment_lock import environment_of, lock_text
from ..remote.facts import ReleaseFacts
from ..remote.recipe_file import plan_text, recipe_text
from ..remote.shipped import Shipped
from ..store.schema import ENVIRONMENT_FILE
from .page_html import Html, disclosure, element, joined, table
from .page_text import paragraphs, quoted_text
from .wording import shortened

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["provenance_section"]

_MOST_ROWS = 100
_LONGEST_NAME = 200


def provenance_section(store: "Store", facts: ReleaseFacts, card: Shipped | None) -> Html:
    """What decided the bytes, the command that makes them again, and the checksum of every part."""
    return joined(
        [
            element("h3", "Made by"),
            element("ul", *(element("li", text) for text in _makers(facts))),
            element("h3", "Make it again"),
            paragraphs(remake_lines(facts)),
            *_texts(facts, card),
            _environment(store),
            *_ancestors(facts),
            _sources(facts),
            _shards(facts),
        ]
    )


def _makers(facts: ReleaseFacts) -> Iterator[str]:
    yield from facts.makers
    if facts.recipe is not None:
        yield f"recipe {facts.recipe.name}, digest {facts.recipe.digest()}"
    yield from (f"plan {plan['name']}, seed {plan['seed']}" for plan in facts.plans)


def _texts(facts: ReleaseFacts, card: Shipped | None) -> Iterator[Html]:
    """Plans and the recipe, in full."""
    for depth, plan in enumerate(facts.plans):
        yield disclosure(plan_name(depth), quoted_text(plan_text(plan), "job.json"))
    if facts.recipe is not None:
        text = recipe_text(facts.recipe, card.title if card else "")
        yield disclosure("recipe.toml", quoted_text(text, "job.json"))


def _environment(store: "Store") -> Html:
    found = environment_of(store.folder)
    if found is None:
        return element("p", "The environment is not known: the store came without environment.json.")
    try:
        text = lock_text(found, store.root)
    except FormatError:
        return element("p", f"The environment is not known: {ENVIRONMENT_FILE} cannot be read.")
    return disclosure("Environment", quoted_text(text, ENVIRONMENT_FILE))


def _ancestors(facts: ReleaseFacts) -> Iterator[Html]:
    if facts.ancestors:
        rows = [
            (shortened(one.name, _LONGEST_NAME), one.kind, element("code", one.dataset_id), one.digest)
            for one in facts.ancestors
        ]
        header = ("name", "kind", "dataset id", "digest of recipe, plan or files")
        yield table("The stores that the records descend from, the nearest first", header, rows)


def _sources(facts: ReleaseFacts) -> Html:
    rows = [
        (shortened(name, _LONGEST_NAME), element("code", digest))
        for name, digest in sorted(facts.source_files.items())
    ]
    parts = [_most("Source files", ("file", "sha256"), rows, "job.json lists all")]
    if facts.left_out:
        reasons = [
            (shortened(name, _LONGEST_NAME), shortened(reason, _LONGEST_NAME))
            for name, reason in sorted(facts.left_out.items())
        ]
        parts.append(_most("Left out", ("file", "why"), reasons, "job.json lists all"))
    return joined(parts)


def _shards(facts: ReleaseFacts) -> Html:
    rows = [
        (shard.file, f"{shard.rows:,}", f"{shard.bytes:,}", element("code", shard.sha256))
        for shard in facts.shards
    ]
    header = ("file", "records", "bytes", "sha256")
    return _most("Shards", header, rows, "SHA256SUMS lists all", numbers=(1, 2))


def _most(
    what: str, header: Sequence[str], rows: Sequence[Sequence[str]], more: str, numbers: Sequence[int] = ()
) -> Html:
    """A table of the first rows, folded away, that says how many there are."""
    told = f"{what}: {len(rows):,}"
    caption = told
    if len(rows) > _MOST_ROWS:
        caption = f"{what}: the first {_MOST_ROWS} of {len(rows):,}; {more}"
    return disclosure(told, table(caption, header, rows[:_MOST_ROWS], numbers=numbers))
