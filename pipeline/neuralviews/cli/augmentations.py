"""``neuralviews augmentations``: what can be done to fields, and the plans that come along."""

import json
from dataclasses import fields
from typing import Any

import click

from .text import table

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, sources and settings too.")
def command(as_json: bool) -> None:
    """List the operations of a plan, and the plans that come along.

    Exact operations change the function as they say and no more; the others only regularise.
    """
    from ..augment.plan import load_plan, plan_names
    from ..augment.registry import operations

    listed = [_facts(kind) for kind in operations()]
    plans = [{"name": name, "title": load_plan(name).title} for name in plan_names()]
    if as_json:
        click.echo(json.dumps({"operations": listed, "plans": plans}, indent=2))
        return
    header = ("operation", "exact", "label", "what it does", "settings and defaults")
    click.echo(table(header, map(_row, listed)))
    click.echo("\n" + table(("plan", ""), [(plan["name"], plan["title"]) for plan in plans]))
    click.echo("\n--json adds where each operation comes from.")


def _facts(kind: Any) -> dict[str, Any]:
    settings = {field.name: _default(field) for field in fields(kind)}
    return {
        "name": kind.name,
        "exact": kind.exact,
        "label": kind.label_rule,
        "summary": kind.summary,
        "settings": settings,
        "source": kind.source,
        "version": kind.version,
    }


def _default(field: Any) -> Any:
    from dataclasses import MISSING

    value = field.default
    if value is MISSING:
        return None
    return list(value) if isinstance(value, tuple) else value


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    settings = ", ".join(
        name if value is None else f"{name} {json.dumps(value)}" for name, value in facts["settings"].items()
    )
    exact = "yes" if facts["exact"] else "no"
    return (facts["name"], exact, facts["label"], facts["summary"], settings)
