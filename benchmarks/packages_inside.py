"""What `packages.py` runs in its environment: import a package once, audit each class in a fork.

One argument, a JSON object; one JSON object a class on standard output.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import io
import json
import os
import re
import resource
import select
import signal
import sys
import time
import types
from typing import Any

MEMORY = 12 << 30
"""Bytes that an audit may ask for."""


def hollow(name: str, attributes: list[str]) -> None:
    """Stand in for a package whose ``__init__`` needs what is not installed, not for its parts."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    stand_in: Any = types.ModuleType(name)
    stand_in.__path__ = list(spec.submodule_search_locations or ())
    vars(stand_in).update(dict.fromkeys(attributes))
    sys.modules[name] = stand_in


def classes(module: types.ModuleType) -> dict[str, type]:
    """The optimizer classes of a package, each once, by the first of its names."""
    import torch

    found: dict[type, str] = {}
    for name, value in sorted(vars(module).items()):
        if (
            inspect.isclass(value)
            and issubclass(value, torch.optim.Optimizer)
            and not value.__module__.startswith("torch.")
        ):
            found.setdefault(value, name)
    return {name: value for value, name in found.items()}


def told(module: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What the audit says of a class: its report, its sentence, or what else it did."""
    from weightdecay.auditing.auditor import audit
    from weightdecay.errors import WeightDecayError
    from weightdecay.report.audit import as_json

    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            report = json.loads(as_json(audit(f"{module}:{name}", backend="torch", **settings)))
    except WeightDecayError as error:
        text = str(error)
        plain = error.exit_code == 2 and len(text.splitlines()) == 1
        return {"outcome": "sentence" if plain else "no sentence", "said": text[-600:]}
    except BaseException as error:
        return {"outcome": "traceback", "said": f"{type(error).__name__}: {error}"[:400]}
    if out.getvalue():
        return {"outcome": "garbage", "said": out.getvalue()[:200]}
    kept = ("verdict", "factor", "times_learning_rate", "follows_schedule", "order", "knob")
    kept += ("coincides_with", "residual", "equation", "effective_lambda", "dtype")
    row = {key: report[key] for key in kept} | {"outcome": "report"}
    rivals = sorted(report["rivals"], key=lambda r: (r["residual"] is None, r["residual"]))
    if row["verdict"] == "other" and rivals:
        best = rivals[0]
        row["nearest"] = f"{best['name']} {best['factor']:.4g} {best['law']}: {best['residual']}"
    return row


def within(limit: float, module: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """`told`, in a process of its own that has this long."""
    reading, writing = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reading)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        row = told(module, name, settings)
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(row))
        os._exit(0)
    os.close(writing)
    text, ended = b"", False
    while not ended:
        left = limit - (time.perf_counter() - start)
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            break
        chunk = os.read(reading, 1 << 16)
        text, ended = text + chunk, not chunk
    if not ended:
        os.killpg(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if not ended:
        row = {"outcome": "hang", "said": f"no answer within {limit:g} s"}
    elif not text:
        row = {"outcome": "crash", "said": f"the process ended with status {status}"}
    else:
        row = json.loads(text)
    return row | {"seconds": round(time.perf_counter() - start, 2)}


def main() -> None:
    """Import, find, audit."""
    request = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a package prints is no answer
    for name, attributes in request.get("hollow", {}).items():
        hollow(name, attributes)
    from weightdecay.registry import load_probe

    load_probe("torch")
    for name in ("weightdecay.auditing.auditor", "weightdecay.report.audit"):
        importlib.import_module(name)  # once, and not in every fork
    importlib.import_module("torch._dynamo")  # which a first step wants, and takes 2 s to import
    module = importlib.import_module(request["module"])
    for name in classes(module):
        if request["only"] is None or re.fullmatch(request["only"], name):
            settings = request.get("settings", {}).get(name, {})
            row = within(request["limit"], request["module"], name, settings)
            print(
                json.dumps({"class": name, "settings": settings, **row}), file=answers, flush=True
            )


if __name__ == "__main__":
    main()
