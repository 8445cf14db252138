"""``peerrec completion``: let the shell complete commands, options and files."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

__all__ = ["completion"]

PROGRAM: Final = "peerrec"
VARIABLE: Final = "_PEERREC_COMPLETE"
"""As click derives it from the program's name."""


class Bash(BashComplete):
    """Bash, whichever the person runs: click would start one to see how old it is."""

    @staticmethod
    def _check_version() -> None:
        """Look at nothing: the script may be made elsewhere than where it is used."""


SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": Bash,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what lets a shell complete commands, options and files.

    Examples:
        peerrec completion bash > ~/.local/share/bash-completion/completions/peerrec
        peerrec completion zsh > "${fpath[1]}/_peerrec"
        peerrec completion fish > ~/.config/fish/completions/peerrec.fish
    """
    made = SHELLS[shell](ctx.find_root().command, {}, PROGRAM, VARIABLE)
    click.echo(made.source())
