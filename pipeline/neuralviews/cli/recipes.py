"""``neuralviews recipes``: what can be generated."""

import json
from math import prod
from typing import TYPE_CHECKING, Any

import click

from .text import bytes_text, table

if TYPE_CHECKING:
    from ..recipe import Recipe

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(as_json: bool) -> None:
    """List what can be generated.

    The size on disk is that of all objects and the recipe's number of views; `generate` takes --limit
    and --views.
    """
    from ..recipe import load_recipe, recipe_names

    found = [_facts(load_recipe(name)) for name in recipe_names()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    header = ("recipe", "field", "objects", "views", "on disk", "median", "")
    click.echo(table(header, map(_row, found), right=(2, 3, 4, 5)))
    if any(fact["estimated"] for fact in found):
        click.echo("\n~ marks an estimate; the others were measured.")


def _facts(recipe: "Recipe") -> dict[str, Any]:
    """What is known before anything is generated; None where the recipe does not promise it."""
    from ..records import REPAIRS
    from ..store.layout import RowLayout

    expected = recipe.expected
    objects = None if expected is None else expected.objects
    layout = RowLayout(recipe.spec.parameters, repairs=0 if recipe.shape is None else REPAIRS)
    shapes, types = layout.shapes(1), layout.types()
    record = sum(prod(shapes[path]) * types[path].itemsize for path in types)
    return {
        "name": recipe.name,
        "title": recipe.title,
        "dims": list(recipe.spec.dims),
        "objects": objects,
        "views": recipe.views,
        "bytes": None if objects is None else objects * recipe.views * record,
        "median_psnr": None if expected is None else expected.median_psnr,
        "median_iou": None if expected is None else expected.median_iou,
        "estimated": expected is not None and expected.estimated,
        "digest": recipe.digest(),
    }


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    psnr, iou = facts["median_psnr"], facts["median_iou"]
    promised = f"{psnr:g} dB" if psnr is not None else None if iou is None else f"IoU {iou:g}"
    return (
        facts["name"],
        "-".join(map(str, facts["dims"])),
        "?" if facts["objects"] is None else f"{facts['objects']:,}",
        str(facts["views"]),
        "?" if facts["bytes"] is None else bytes_text(facts["bytes"]),
        "?" if promised is None else f"{'~' if facts['estimated'] else ''}{promised}",
        facts["title"],
    )
