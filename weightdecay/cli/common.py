"""What the commands share: what they print, and the files they write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from weightdecay import escaping
from weightdecay.escaping import lines, sentence

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What to print.",
)


def _wait(context: click.Context, parameter: click.Parameter, value: float | None) -> None:
    """Say on standard error what is waited for, and end the wait at its limit."""
    from weightdecay import patience

    limit = patience.from_variable() if value is None else patience.seconds("--timeout", value)
    context.with_resource(patience.having(patience.Patience(limit, on_wait=say)))


timeout_option = click.option(
    "--timeout",
    type=float,
    metavar="SECONDS",
    expose_value=False,
    callback=_wait,
    help="Give up on the process of a backend that has not answered for so long "
    "(WEIGHTDECAY_TIMEOUT, else as long as it works: 60 s without processor time).",
)


def console() -> Any:
    """Standard output, through rich."""
    from weightdecay.report.terminal import Console

    return Console()


def write(text: str, *, nl: bool = True) -> None:
    """Print text for a program: JSON, CSV or code."""
    click.echo(lines(text), nl=nl)


def say(text: str) -> None:
    """Print a warning or an error on standard error, under this program's name."""
    note(f"weightdecay: {text}")


def note(text: str) -> None:
    """Print what was done on standard error."""
    click.echo(sentence(text), err=True)


def wrote(files: Mapping[str, str | None]) -> None:
    """Say which files were written."""
    for name in files.values():
        if name is not None:
            note(f"wrote {escaping.name(name)}")


def require_files(written: Mapping[str, str | None], read: Mapping[str, str | None]) -> None:
    """Raise before any work is done if a file could not be written in the end.

    Parameters
    ----------
    written, read : mapping from what a file is given as, such as '--out', to its name
        Names that are None are passed over.

    Raises
    ------
    InputError
        A file cannot be written, or would take the place of one that is read, or of another.
    """
    from weightdecay.errors import InputError
    from weightdecay.escaping import shown
    from weightdecay.output import require_writable, same

    outputs = {given: Path(name) for given, name in written.items() if name is not None}
    inputs = {given: Path(name) for given, name in read.items() if name is not None}
    for i, (given, path) in enumerate(outputs.items()):
        others = {**inputs, **dict([*outputs.items()][:i])}
        for other, taken in others.items():
            if same(path, taken):
                raise InputError(
                    f"{given} and {other} are both {shown(str(path))}: name a file of its own for "
                    f"{given}."
                )
        require_writable(path)
