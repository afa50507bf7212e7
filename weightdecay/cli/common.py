"""What the commands share."""

from __future__ import annotations

from typing import Any

import click

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What to print.",
)


def console() -> Any:
    """Standard output, through rich."""
    from rich.console import Console

    return Console()
