"""What ``info`` says of where records come from: a recipe, files of another program, a larger store."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["fields_facts", "made_rows", "origin_facts", "subset_rows"]

_SHOWN = 10
_NONE_STATED = "none is stated"


def origin_facts(store: "Store") -> dict[str, Any]:
    """Recipe or import behind the fields of a store, or of what it descends from, as JSON values.

    Raises:
        FormatError: the job does not state them.
    """
    import msgspec

    from ..fit.facts import field_facts
    from ..fit.stated import stated_job
    from ..fit.stated_import import stated_import

    found: dict[str, Any] = {}
    if store.job["kind"] == "subset":
        of = store.job["of"]
        found["subset"] = {"of": {"dataset_id": of["dataset_id"], "rows": of["job"]["rows"]}}
        found["subset"]["selection"] = store.job.get("selection")
    if field_facts(store).recipe is None:
        imported = msgspec.to_builtins(stated_import(store))
        return {**found, "import": imported, "source": imported["source"]}
    job = stated_job(store)
    return {
        **found,
        "recipe": job.recipe.canonical(),
        "recipe_digest": job.recipe_digest,
        "limit": job.limit,
        "source": msgspec.to_builtins(job.source),
    }


def fields_facts(store: "Store") -> dict[str, Any]:
    """What can be said of fitted or imported fields alone."""
    from ..fit.facts import field_facts
    from ..fit.stated import stated_job

    objects = sum(part.objects for part in store.manifest.summary.splits.values())
    facts = field_facts(store)
    if facts.recipe is None:
        return {"name": facts.name, "objects": objects}
    job = stated_job(store)
    return {
        "name": job.name,
        "arithmetic": job.arithmetic,
        "objects": job.objects if store.job["kind"] != "subset" else objects,
        "views": facts.recipe.views,
    }


def subset_rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Of which store the records are only some, and which."""
    if "subset" in facts:
        of, selection = facts["subset"]["of"], facts["subset"]["selection"]
        told = ", ".join(f"{key} {value}" for key, value in (selection or {}).items() if value is not None)
        yield "subset of", f"{of['dataset_id']}, {of['rows']:,} records: {told or 'which is not stated'}"


def made_rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The recipe, or what was imported and who says what its conventions are."""
    from ..fit.method import method_words

    if "import" not in facts:
        limit = "" if facts["limit"] is None else f", limited to {facts['limit']:,} objects"
        yield "recipe", f"{facts['recipe']['name']}, digest {facts['recipe_digest'][:16]}{limit}"
        if told := method_words(facts["recipe"]["fit"]):
            yield "fitted", told
        return
    found = facts["import"]
    source, published = found["source"], found["published"]
    named = "" if published is None else f", the published set {published}"
    yield "imported", f"{found['name']} from the format {found['exchange']}{named}"
    yield "files", f"sha256 {source['sha256']}, {source['fields']:,} fields"
    for name, reason in sorted(source["left_out"].items())[:_SHOWN]:
        yield "  left out", f"{name}: {reason}"
    if len(source["left_out"]) > _SHOWN:
        yield "  ...", f"and {len(source['left_out']) - _SHOWN:,} more; --json lists all"
    said: dict[str, list[str]] = {}
    for key, origin in found["convention"].items():
        said.setdefault(origin, []).append(key)
    yield "conventions", "; ".join(f"{', '.join(keys)}: {_ORIGINS[origin]}" for origin, keys in said.items())
    yield "known", ", ".join(found["known"]) or _NONE_STATED
    if found["compared"] is not None:
        yield "compared", f"with the source of recipe {found['compared']['recipe']['name']}"


_ORIGINS = {
    "format": "as the format has it",
    "files": "stated in the files",
    "given": "given at the import",
    "measured": "found by comparison with the source",
}
