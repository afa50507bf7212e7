"""The command line: options to an `Experiment`, errors to one sentence and an exit code.

A module for each command; they import what they need when they run, so that ``--help`` waits for
nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import warnings
from typing import Any, NoReturn

import click

from weightdecay import __version__
from weightdecay.cli.audit import audit
from weightdecay.cli.backends import backends, env
from weightdecay.cli.bench import bench
from weightdecay.cli.book import book
from weightdecay.cli.common import say
from weightdecay.cli.parity import parity
from weightdecay.cli.predict import predict
from weightdecay.cli.remedies import compare_remedies
from weightdecay.cli.run import run
from weightdecay.cli.sweep import sweep
from weightdecay.cli.translate import translate
from weightdecay.cli.tune import tune
from weightdecay.errors import WeightDecayError
from weightdecay.escaping import shown
from weightdecay.output import RULES

HELP = f"""Weight decay, defined once and run on any backend.

{RULES} Files are written before anything is printed, so that a pipe into head loses none.
Warnings go to standard error.

\b
Exit codes:   0  all is well
              1  training diverges, a comparison fails, the output cannot be written
              2  bad input, or more than there is memory for
              3  'translate': there is no exact translation
            130  interrupted
"""


class _InterruptedError(Exception):
    """Ctrl-C, past click, which would print an empty line of its own."""


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _InterruptedError from error


@click.group(
    cls=_Commands,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="weightdecay")
def cli() -> None:
    """Weight decay, defined once and run on any backend."""


for command in (
    *(run, sweep, tune, predict, compare_remedies),
    *(audit, translate, backends, parity, book, env, bench),
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; the console script. The exit codes stand in its help."""
    _open_descriptors()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without λ still gets its table
    if sys.stdout is None:
        _leave("the output cannot be written (standard output is closed).", 1)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = _run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except (KeyboardInterrupt, _InterruptedError, click.exceptions.Abort):
        _leave("interrupted.", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        _leave(error.format_message(), error.exit_code)
    except WeightDecayError as error:
        _leave(str(error), error.exit_code)
    except MemoryError as error:
        _leave(_out_of_memory(error), 2)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        _leave(*_of_system(error))
    except Warning as error:  # the user has asked for that, with PYTHONWARNINGS
        _leave(f"a warning stopped this, as PYTHONWARNINGS asks for: {error}", 1)
    sys.exit(code)


def _run() -> Any:
    try:
        return cli(standalone_mode=False) or 0
    except SystemExit as left:  # what was printed may still be under way, and fail
        return left.code or 0


def _open_descriptors() -> None:
    """Put something behind descriptors 0 to 2 where the shell has closed them.

    Otherwise the next file that is opened takes such a number, and gets what libraries print.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _warn(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    """Show a warning as one sentence, whoever gives it: the line of code says nothing to a user."""
    text = str(message).strip()
    if issubclass(category, RuntimeWarning | DeprecationWarning | FutureWarning):
        text = f"a library warns: {text}"
    say(text if text.endswith(".") else f"{text}.")


def _out_of_memory(error: MemoryError) -> str:
    """What was asked for, where it is known."""
    asked = f" ({error})" if str(error) else ""
    return f"memory ran out{asked}: take less data, fewer values of λ or a lower degree."


def _of_system(error: OSError) -> tuple[str, int]:
    """A file is the user's to choose; without one, it is the output that failed."""
    reason = error.strerror or str(error)
    if error.errno == errno.ENOMEM:
        return _out_of_memory(MemoryError()), 2
    if error.filename is not None:
        return f"cannot use {shown(str(error.filename))} ({reason}): name another file.", 2
    return f"the output cannot be written ({reason}).", 1


def _leave(message: str, code: int) -> NoReturn:
    with contextlib.suppress(OSError):  # if standard error is closed too, the code has to do
        say(message)
    sys.exit(code)
