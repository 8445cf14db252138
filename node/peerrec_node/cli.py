"""Run ``peerrec``: find commands among what is installed, answer errors in one line.

Commands are entry points, so that the daemon, the simulator and anybody else's package
can add one without knowing each other. Only the command that is asked for is imported;
the help of the others is read from their source.

Example:
    >>> from click.testing import CliRunner
    >>> CliRunner().invoke(peerrec, ["--version"]).output.split()[0]
    'peerrec'
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from peerrec import __version__
from peerrec.errors import PeerrecError, StoreError
from peerrec_node.exit_codes import EXIT_INTERRUPTED, EXIT_OTHER, EXIT_REFUSED, EXIT_STORE, epilog
from peerrec_node.help_pages import with_examples
from peerrec_node.invocation import Invocation

__all__ = ["EntryPointGroup", "main", "peerrec"]

ERROR_CODES: tuple[tuple[type[PeerrecError], int], ...] = (
    (StoreError, EXIT_STORE),
    (PeerrecError, EXIT_REFUSED),
)
"""Exit code of each kind of error; the first class that fits decides."""

SUMMARY_LENGTH = 200
"""Longest summary of a command in a list; longer than any line of help should be."""


class EntryPointGroup(click.Group):
    """Offer one command per entry point of a group, imported when invoked."""

    def __init__(self, *args: Any, entry_point_group: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entry_point_group = entry_point_group
        with_examples(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self._entry_points()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, importing its module."""
        own = super().get_command(ctx, cmd_name)
        point = self._entry_points().get(cmd_name)
        if own is not None or point is None:
            return own
        try:
            command = point.load()
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"{cmd_name} needs the package {error.name!r}, which is not installed; "
                "try: pip install 'peerrec[all]'"
            ) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"entry point {point.value} is not a click command")
        return with_examples(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        rows = [(name, self._summary(ctx, name)) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what may be meant, without importing the commands: a Tab is to be quick."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self._summary(ctx, name)) for name in names]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def _summary(self, ctx: click.Context, name: str) -> str:
        """Return what a command is for, in a sentence."""
        own = super().get_command(ctx, name)
        if own is not None:
            return own.get_short_help_str(SUMMARY_LENGTH)
        return summary(self._entry_points()[name])

    def _entry_points(self) -> dict[str, EntryPoint]:
        """Return the entry points by name."""
        return {point.name: point for point in entry_points(group=self.entry_point_group)}


class ErrorHandlingGroup(EntryPointGroup):
    """Turn errors into one line and an exit code; keep tracebacks for our own bugs."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and exit with its code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        argv = sys.argv[1:] if args is None else args
        extra.setdefault("obj", Invocation(tuple(argv)))
        sys.exit(self.exit_code(argv, prog_name, complete_var, **extra))

    def exit_code(
        self,
        args: Sequence[str],
        prog_name: str | None = None,
        complete_var: str | None = None,
        **extra: Any,
    ) -> int:
        """Run the command line and return its exit code."""
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except PeerrecError as error:
            codes = [code for kind, code in ERROR_CODES if isinstance(error, kind)]
            return _fail(str(error), codes[0])
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            return 0
        except click.ClickException as error:
            return _fail(_one_line(error), error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            return _fail("interrupted", EXIT_INTERRUPTED)
        except BrokenPipeError:
            # Python flushes stdout once more at exit: give it somewhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_OTHER  # as click does while a command runs
        return code if isinstance(code, int) else 0


def summary(point: EntryPoint) -> str:
    """Return the first sentence of a command's docstring without importing it."""
    spec = importlib.util.find_spec(point.module)
    if spec is None or spec.origin is None:
        return ""
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == point.attr:
            text = (ast.get_docstring(node) or "").split("\n\n")[0]
            return click.Command(None, help=text).get_short_help_str(SUMMARY_LENGTH)
    return ""


def _one_line(error: click.ClickException) -> str:
    """Return a click error with a hint where the usage is to be found."""
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return message if context is None else f"{message} See {context.command_path} --help."


def _fail(message: str, code: int) -> int:
    """Print an error as one line on stderr and return the code."""
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


@click.group(cls=ErrorHandlingGroup, entry_point_group="peerrec.commands", epilog=epilog())
@click.version_option(__version__, prog_name="peerrec", message="%(prog)s %(version)s")
def peerrec() -> None:
    """Recommend without a server: one person's device, its peers, nobody in between.

    Each command has a page of its own, with examples: `peerrec COMMAND --help`.

    Examples:
        peerrec record track:nina-simone/feeling-good
        peerrec recommend --explain
        peerrec run
    """


@peerrec.group(cls=EntryPointGroup, entry_point_group="peerrec.benchmarks")
def bench() -> None:
    """Measure speed and size, as ratios within one run.

    Example: peerrec bench ranking --edges 1000000 --json
    """


def main() -> None:
    """Run the ``peerrec`` command."""
    # NumPy is not imported yet, which reads this then. Small products crawl where its threads
    # meet a busy core; whoever wants threads says so.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    peerrec(prog_name="peerrec")
