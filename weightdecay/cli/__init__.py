"""The command line: options to an `Experiment`, errors to one sentence and an exit code.

A module for each command; they import what they need when they run, so that ``--help`` waits for
nothing.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from weightdecay import __version__
from weightdecay.cli.audit import audit
from weightdecay.cli.backends import backends, env
from weightdecay.cli.bench import bench
from weightdecay.cli.book import book
from weightdecay.cli.parity import parity
from weightdecay.cli.predict import predict
from weightdecay.cli.remedies import compare_remedies
from weightdecay.cli.run import run
from weightdecay.cli.sweep import sweep
from weightdecay.cli.translate import translate
from weightdecay.cli.tune import tune
from weightdecay.errors import WeightDecayError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="weightdecay")
def cli() -> None:
    """Weight decay, defined once and run on any backend."""


for command in (
    *(run, sweep, tune, predict, compare_remedies),
    *(audit, translate, backends, parity, book, env, bench),
):
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
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _leave(error.format_message(), error.exit_code)
    except WeightDecayError as error:
        _leave(str(error), error.exit_code)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _leave(f"the output cannot be written ({error.strerror or error}).", 1)


def _leave(message: str, code: int) -> NoReturn:
    click.echo(f"weightdecay: {message}", err=True)
    sys.exit(code)
