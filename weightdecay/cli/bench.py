"""``weightdecay bench``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from weightdecay.cli.common import (
    console,
    format_option,
    require_files,
    say,
    timeout_option,
    write,
    wrote,
)
from weightdecay.cli.numbers import WHOLE


@click.command(short_help="Time the backends, once they have agreed.")
@click.option("--backends", metavar="a,b,…", help="Which ones (all that can be found).")
@click.option("--implementation", default="scratch", metavar="scratch|native", show_default=True,
              help="The core's own rules over the backend's tensors, or the framework's autodiff "
              "and optimizer.")  # fmt: skip
@click.option("--size", default="guide", metavar="NAME|ROWSxINPUTS", show_default=True,
              help="What to train: guide (20x200, batch 5, 10 epochs), tall (20000x100, batch 256, "
              "2 epochs), wide (200x20000, batch 20, 10 epochs), large (200000x512, batch 256, 1 "
              "epoch; takes about 1 GB a backend), or rows and inputs (batch 256, 2 "
              "epochs).")  # fmt: skip
@click.option("--batch-size", metavar="N|full", help="Examples in a minibatch (of the size).")
@click.option("--lambdas", type=WHOLE, default=1, metavar="N", show_default=True,
              help="Values of λ, trained at once (one after the other natively).")  # fmt: skip
@click.option("--epochs", type=WHOLE, metavar="N", help="Passes over the data (of the size).")
@click.option("--dtype", default="float32", metavar="float32|float64", show_default=True,
              help="Precision of the training.")  # fmt: skip
@click.option("--device", default="cpu", metavar="cpu|cuda", show_default=True,
              help="Where to train.")  # fmt: skip
@click.option("--threads", type=WHOLE, metavar="N",
              help="Threads of every backend (all processors this process may use).")  # fmt: skip
@click.option("--rounds", type=WHOLE, default=11, metavar="N", show_default=True,
              help="Measurements of every backend.")  # fmt: skip
@click.option("--plot", metavar="FILE.png|.svg",
              help="Also vary examples, inputs and number of λ, fit the exponents of the cost, and "
              "write a picture.")  # fmt: skip
@timeout_option
@format_option
def bench(
    *,
    backends: str | None,
    implementation: str,
    size: str,
    batch_size: str | None,
    lambdas: int,
    epochs: int | None,
    dtype: str,
    device: str,
    threads: int | None,
    rounds: int,
    plot: str | None,
    output: str,
) -> None:
    """Time the backends: import, first call and steady state apart.

    Each backend runs in a process of its own, with the same number of threads; see 'weightdecay env
    list'. Equal results come first: a backend whose final parameters are not NumPy's is not timed.
    Then the backends are asked in turn, round after round, one running while all others idle, and
    their work is awaited. A measurement repeats the training until it lasts 5 ms; the data are on
    the device before. Trains ridge regression by plain SGD on synthetic data. Exit code 0 when all
    agreed and were timed, 1 otherwise, 2 for bad input or a backend that was named and is not
    installed.

    \b
    weightdecay bench
    weightdecay bench --backends numpy,torch --size large --threads 2
    weightdecay bench --lambdas 100 --plot cost.svg
    """  # noqa: D301
    from weightdecay import pictures
    from weightdecay.benching import picture, running, sizes
    from weightdecay.errors import InputError
    from weightdecay.progress import progress
    from weightdecay.registry import find
    from weightdecay.report import bench as report

    names = None
    if backends is not None:
        names = list(dict.fromkeys(name.strip() for name in backends.split(",")))
        if not all(names):
            raise InputError(f"--backends is {backends!r}: name backends with commas between.")
        for name in names:
            find(name)
    settings = running.Settings(
        backends=names,
        size=sizes.parse(size, batch_size=batch_size, epochs=epochs, lambdas=lambdas),
        implementation=implementation,
        dtype=dtype,
        device=device,
        threads=threads,
        rounds=rounds,
        scaling=plot is not None,
    )
    if plot is not None:
        pictures.require_drawable(Path(plot))
    written = {"--plot": plot}
    require_files(written, {})
    with progress("measurements") as bar:
        found = running.bench(settings, on_start=bar.start, on_part=bar.advance)
    drawn = plot is None or picture.draw(found, Path(plot))
    if output == "json":
        write(report.as_json(found))
    else:
        report.show(console(), found)
    if drawn:
        wrote(written)
    else:
        say("there is no cost to draw: no backend was timed.")
    sys.exit(0 if found.succeeded and drawn else 1)
