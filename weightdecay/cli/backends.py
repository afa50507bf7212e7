"""``weightdecay backends`` and ``weightdecay env``."""

from __future__ import annotations

import click

from weightdecay.cli.common import console, format_option, note, timeout_option, write


@click.command(short_help="List the backends.")
@timeout_option
@format_option
def backends(output: str) -> None:
    """List the known backends: installed or not, version, devices, dtypes, how to install.

    Each is asked in the interpreter that would run it; see 'weightdecay env list'.
    """
    from weightdecay.escaping import to_json
    from weightdecay.report import backends as report
    from weightdecay.survey import available

    found = available()
    if output == "json":
        rows = [report.backend_row(info) for info in found]
        write(to_json({"backends": rows}, indent=2))
    else:
        report.show_backends(console(), found)


@click.group(short_help="Environments of their own for backends.")
def env() -> None:
    """Make, list and remove environments of their own for backends.

    TensorFlow, JAX and MXNet need not be installed beside this program: each can have an
    environment, with the versions that this program is tested with, in your data directory.
    """


@env.command(short_help="Make one.")
@click.argument("backend")
@click.option("--replace", is_flag=True, help="Make it anew if there is one.")
@click.option("--quiet", is_flag=True, help="Do not show what pip prints.")
def create(backend: str, replace: bool, quiet: bool) -> None:
    """Make an environment for BACKEND: numpy, torch, tensorflow, jax or mxnet."""
    from weightdecay import environments

    made = environments.create(
        backend,
        replace=replace,
        on_line=lambda line: None if quiet else note(line),
    )
    note(f"made {made.folder}")


@env.command("list", short_help="List them.")
@format_option
def list_(output: str) -> None:
    """List the environments that were made, and which interpreter each backend would run in."""
    from weightdecay.escaping import to_json
    from weightdecay.report import backends as report

    rows = report.environment_rows()
    if output == "json":
        write(to_json({"environments": rows}, indent=2))
    else:
        report.show_environments(console(), rows)


@env.command(short_help="Delete one.")
@click.argument("backend")
def remove(backend: str) -> None:
    """Delete the environment that was made for BACKEND."""
    from weightdecay import environments

    environments.remove(backend)
    note(f"removed the environment of {backend}")
