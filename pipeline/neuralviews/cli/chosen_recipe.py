"""The recipe that a command is given, and what it is asked to do otherwise than the recipe says."""

import functools
from collections.abc import Callable
from typing import Any, Literal

import click

__all__ = ["chosen_recipe"]

_Command = Callable[..., None]


def chosen_recipe(command: _Command) -> _Command:
    """The argument RECIPE and options that change it; the command takes all as ``recipe``, a `Recipe`."""

    @functools.wraps(command)
    def asked(
        *args: Any,
        recipe: str,
        views: int | None,
        robust: dict[str, Any] | None,
        scope: Literal["pilot"] | None,
        shadow: str | None,
        **others: Any,
    ) -> None:
        from ..recipe import load_recipe

        loaded = load_recipe(recipe)
        if views is not None:
            loaded = loaded.with_views(views)
        wishes = {"robust": robust, "scope": scope and {"kind": scope}, "shadow": shadow}
        if changes := {key: value for key, value in wishes.items() if value is not None}:
            loaded = loaded.with_fit(**changes)
        command(*args, **others, recipe=loaded)

    options = (
        click.argument("recipe"),
        click.option(
            "--views", type=click.IntRange(1, 65535), help="Views of each object, instead of the recipe's."
        ),
        click.option(
            "--robust",
            callback=_robust,
            metavar="damp:SIGMA",
            help="Fit weights that bear noise of SIGMA times their size, instead of the recipe's fit.robust.",
        ),
        click.option(
            "--scope", type=click.Choice(("pilot",)), help="Draw each layer to the scope of a pilot."
        ),
        click.option("--shadow", type=click.Choice(("int8", "fp16")), help="Fit through rounded weights."),
    )
    for option in reversed(options):
        asked = option(asked)
    return asked


def _robust(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """``damp:SIGMA`` as the table of a recipe."""
    if value is None:
        return None
    kind, _, sigma = value.partition(":")
    try:
        return {"kind": {"damp": kind}[kind], "sigma": float(sigma)}
    except (KeyError, ValueError):
        raise click.BadParameter(
            f"found {value!r}, expected damp:SIGMA, for example damp:0.02", ctx, param
        ) from None
