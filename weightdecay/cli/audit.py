"""``weightdecay audit``."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weightdecay.cli.common import console, format_option, timeout_option, write
from weightdecay.cli.numbers import WHOLE

if TYPE_CHECKING:
    from weightdecay.auditing.result import AuditReport


@click.command(short_help="Measure what an optimizer's weight decay does.")
@click.argument("factory", required=False, metavar="[OPTIMIZER]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help="A setting of the optimizer, such as lr=0.1 or betas=(0.9,0.99); may be "
              "repeated.")  # fmt: skip
@click.option("--knob", metavar="NAME",
              help="The setting to audit, where there is more than one decay.")  # fmt: skip
@click.option("--backend", metavar="torch|tensorflow|jax|mxnet|numpy",
              help="Framework of an optimizer of your own, where its module does not tell; with "
              "--all, the only one.")  # fmt: skip
@click.option("--all", "everything", is_flag=True,
              help="Audit every built-in optimizer and regularizer that has a decay.")  # fmt: skip
@click.option("--out", metavar="FOLDER",
              help="With --all: write atlas.md and atlas.json there.")  # fmt: skip
@click.option("--seed", type=WHOLE, default=0, show_default=True, metavar="N",
              help="Of the weights and gradients.")  # fmt: skip
@timeout_option
@format_option
def audit(
    factory: str | None,
    settings: tuple[str, ...],
    knob: str | None,
    backend: str | None,
    everything: bool,
    out: str | None,
    seed: int,
    output: str,
) -> None:
    """Measure what an optimizer's weight decay really does.

    OPTIMIZER is a framework's name, such as torch.optim.AdamW, keras.optimizers.SGD,
    keras.regularizers.L2, optax.contrib.muon or mxnet.optimizer.SGD, or package.module:factory for
    one of your own. Naming a module of your own imports it and calls the factory, which runs their
    code: audit what you would run. It is stepped with random gradients beside the same optimizer
    without decay, and every hypothesis about where the decay enters is tried. The verdict is one of

    \b
      none               nothing decays, as far as was looked
      unrecognised       decays, by no setting that was recognised: --knob says which to audit
      coupled            the decay is added to the gradient: g + c λ w
      decoupled          the weights shrink by 1 − c η λ beside the optimizer's own step
      decoupled-lr-free  by 1 − c λ, whatever the learning rate
      trust-ratio        the decay is part of what a trust ratio scales
      proximal           the weights are divided by 1 + c η λ
      other              none of these reproduces it to rounding; the facts say what is known

    The framework runs in this Python where it is installed, else in the interpreter named by
    WEIGHTDECAY_TORCH_PYTHON and its like, else in an environment made by 'weightdecay env create'.
    """  # noqa: D301  # \b is for click
    from weightdecay.errors import InputError

    if everything == (factory is not None):
        raise InputError("name an optimizer, such as torch.optim.AdamW, or give --all.")
    if everything:
        if settings or knob:
            raise InputError("--all audits every optimizer as it is: leave out --set and --knob.")
        _all(backend, out, output)
        return
    if out is not None:
        raise InputError("--out goes with --all: one audit is printed.")
    from weightdecay.report import audit as report

    assert factory is not None
    found = _one(factory, dict(map(_setting, settings)), knob, backend, seed)
    if output == "json":
        write(report.as_json(found))
    else:
        report.show(console(), found)


def _is_plain(value: object) -> bool:
    """Whether every interpreter and every report can hold it."""
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return isinstance(value, str | int | None) or (
        isinstance(value, float) and math.isfinite(value)
    )


LONGEST = 1000
"""Characters of a setting's value: Python's own parser gives up on deeper brackets than these."""


def _setting(text: str) -> tuple[str, Any]:
    """NAME=VALUE, with VALUE a literal of Python, or a string where it is none."""
    import ast

    from weightdecay.errors import InputError

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InputError(f"--set {text[:80]}: write NAME=VALUE, such as lr=0.1.")
    if len(value) > LONGEST:
        raise InputError(f"--set {name[:80]}: its value may have {LONGEST} characters at most.")
    plain = {"true": True, "false": False, "none": None}
    if value.lower() in plain:
        return name, plain[value.lower()]
    try:
        read = ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # brackets in brackets
        return name, value
    if not _is_plain(read):
        raise InputError(
            f"--set {text}: a value is a finite number, text, true, false, none, or a tuple of "
            "these."
        )
    return name, read


def _one(
    factory: str, settings: dict[str, Any], knob: str | None, backend: str | None, seed: int
) -> AuditReport:
    from weightdecay.auditing import remote
    from weightdecay.auditing.auditor import audit as audit_here
    from weightdecay.auditing.factories import backend_of_name
    from weightdecay.environments import resolve
    from weightdecay.registry import load_probe
    from weightdecay.worker import Worker

    known = backend or backend_of_name(factory)
    if known is not None and (found := resolve(known)).origin != "running":
        with Worker(known, found.python) as worker:
            worker.ready()
            return remote.audit(worker, factory, settings, knob=knob, seed=seed)
    if ":" in factory:  # the user's own, which may do whatever it likes: hang, crash, leave
        with Worker(known or "numpy", sys.executable) as worker:
            worker.ready()
            return remote.audit(
                *(worker, factory, settings), knob=knob, seed=seed, backend=known, path=sys.path
            )
    if known is None:
        return audit_here(factory, knob=knob, seed=seed, **settings)
    with load_probe(known).alone():
        return audit_here(factory, backend=known, knob=knob, seed=seed, **settings)


def _all(backend: str | None, out: str | None, output: str) -> None:
    from weightdecay.auditing.factories import backends
    from weightdecay.auditing.survey import survey
    from weightdecay.environments import resolve
    from weightdecay.output import require_writable, writing
    from weightdecay.progress import progress
    from weightdecay.report import audit as report
    from weightdecay.validate import choice

    known = backends()
    if backend is not None:
        choice("backend", backend, known)
    names = [backend] if backend else known
    paths = [Path(out) / name for name in ("atlas.md", "atlas.json")] if out else []
    for path in paths:
        require_writable(path)
    if out or backend:
        for name in names:
            resolve(name)  # an atlas without what was asked for would take the place of a whole one
    with progress("audits") as bar:
        atlas = survey(names, on_start=bar.start, on_row=bar.advance)
    texts = (report.atlas_markdown, report.atlas_json)
    for path, text in zip(paths, texts, strict=False):
        with writing(path) as temporary:
            temporary.write_text(text(atlas) + "\n", encoding="utf-8")
    if output == "json":
        write(report.atlas_json(atlas))
    else:
        report.show_atlas(console(), atlas)
    sys.exit(0 if atlas.rows else 1)
