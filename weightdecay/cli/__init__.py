"""The command line: options to an `Experiment`, errors to one sentence and an exit code.

A module for each command; they import what they need when they run, so that ``--help`` waits for
nothing.
"""

from __future__ import annotations

import sys

import click

from weightdecay import __version__
from weightdecay.cli.backends import backends, env
from weightdecay.cli.book import book
from weightdecay.cli.parity import parity
from weightdecay.cli.run import run
from weightdecay.errors import WeightDecayError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="weightdecay")
def cli() -> None:
    """Weight decay, defined once and run on any backend."""


for command in (run, backends, parity, book, env):
    cli.add_command(command)


def main() -> None:
    """Run the command line; the console script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without λ still gets its table
    try:
        sys.exit(cli(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        click.echo(f"weightdecay: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except WeightDecayError as error:
        click.echo(f"weightdecay: {error}", err=True)
        sys.exit(error.exit_code)
