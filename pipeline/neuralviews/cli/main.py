"""The `neuralviews` command: a table of commands, and one place that turns errors into exit codes."""

import difflib
import importlib
import sys
from collections.abc import Sequence

import click

from .._version import __version__
from ..errors import NeuralViewsError, Quarantined

__all__ = ["main"]

COMMANDS = {
    "recipes": "neuralviews.cli.recipes:command",
    "plan": "neuralviews.cli.plan:command",
    "generate": "neuralviews.cli.generate:command",
    "info": "neuralviews.cli.info:command",
    "verify": "neuralviews.cli.verify:command",
    "show": "neuralviews.cli.show:command",
    "report": "neuralviews.cli.report:command",
    "stats": "neuralviews.cli.stats:command",
    "evaluate": "neuralviews.cli.evaluate:command",
    "augmentations": "neuralviews.cli.augmentations:command",
    "augment": "neuralviews.cli.augment:command",
    "align": "neuralviews.cli.align:command",
    "import": "neuralviews.cli.import_fields:command",
    "export": "neuralviews.cli.export:command",
    "publish": "neuralviews.cli.publish:command",
    "download": "neuralviews.cli.download:command",
}
"""Commands in the order of the help text; the module of one is imported when the command is asked for."""

EXIT_ERROR = 2
EXIT_QUARANTINED = 3
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class LazyGroup(click.Group):
    """A group that imports the module of a command when it is needed, and suggests near names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="neuralviews")
def program() -> None:
    """Datasets of neural fields: fit SIRENs to images and shapes, several of each, into verified shards."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 if all went well, 2 after a one-line error, 130 if interrupted.

    3 if all went well but for parts that keep killing their workers, which one line names.
    Only deliberate errors and a want of memory become a line; any other exception is a defect and keeps its
    traceback.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        program.main(given or ["--help"], prog_name="neuralviews", standalone_mode=False)
    except (NeuralViewsError, click.ClickException) as error:
        click.echo(f"error: {_message(error)}", err=True)
        sys.exit(EXIT_QUARANTINED if isinstance(error, Quarantined) else EXIT_ERROR)
    except MemoryError:
        click.echo(
            "error: out of memory; ask for less at a time, or use a host that has more of it", err=True
        )
        sys.exit(EXIT_ERROR)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(0)


def _message(error: Exception) -> str:
    """One line; a usage error also says where the help is."""
    if not isinstance(error, click.ClickException):
        return str(error)
    text = " ".join(error.format_message().split()).rstrip(".")
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text += f"; see '{error.ctx.command_path} --help'"
    return text
