"""The parity command: it finds what is broken, and outlives whatever happens to a process."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from tests.commands import in_process, in_subprocess
from tests.tolerances import PARITY
from weightdecay import Experiment, Synthetic, environments, matrix
from weightdecay.environments import Interpreter
from weightdecay.errors import BackendNotInstalledError
from weightdecay.matrix import Matrix
from weightdecay.worker import CHILD, Worker

# A worker as it is started in earnest, but for one thing that is wrong with it.
SABOTAGED = """
import dataclasses, importlib.util, os, signal, sys, threading
import numpy as np
spec = importlib.util.spec_from_file_location("child", {child!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
requests, answers = child.take_streams()
child.follow(int(sys.argv[1]))
child.load_package()
import weightdecay.backends.numpy_backend as adapter
from weightdecay import scratch, serve
dialect, honest = adapter._dialect, scratch.train

def spelt(operation, value, into):
    def broken(dtype):
        found = dialect(dtype)
        templates = {{"value": dict(found.value), "into": dict(found.into)}}
        templates["value"][operation], templates["into"][operation] = value, into
        return dataclasses.replace(found, **templates)
    adapter._dialect = broken

def before(optimizer, act):
    def train(ops, experiment, *rest):
        if experiment.optimizer == optimizer:
            act()
        return honest(ops, experiment, *rest)
    scratch.train = train

{sabotage}
serve.serve(requests, answers)
"""

BROKEN_OPS = {
    "sign of clip": (
        "spelt('clip', '-minimum(maximum({0}, {1}), {2})', "
        "'negative(minimum(maximum({0}, {1}), {2}), {out})')"
    ),
    "row of take": "adapter._gather = lambda x, rows, spare: (x[(rows + 1) % len(x)], spare)",
    "rounding in matmul": (
        "spelt('matmul', 'dot({0}, {1})', 'copyto({out}, dot({0}, {1}).astype(\"float32\"))')"
    ),
}
ONE = Experiment(
    data=Synthetic(num_train=7, num_val=3, num_inputs=4),
    penalty="elasticnet",
    lambd=0.125,
    lr=1 / 64,
    epochs=3,
)


def sabotaged(tmp_path: Path, sabotage: str) -> Callable[[Interpreter], Worker]:
    script = tmp_path / "sabotaged.py"
    script.write_text(SABOTAGED.format(child=str(CHILD), sabotage=sabotage))
    return lambda found: Worker(found.backend, found.python, script=script)


def run(start: Callable[[Interpreter], Worker] | None = None, **options: object) -> Matrix:
    if start is not None:
        options["start"] = start
    return matrix.run(**{"names": ["numpy"], "tolerance": PARITY["float64"], **options})


def test_numpy_in_its_own_process_agrees() -> None:
    found = run()
    assert found.agrees
    assert len(found.rows) == len({(row.case.experiment) for row in found.rows}) == 36
    assert {row.version for row in found.rows} == {np.__version__}
    assert found.missing == {}


@pytest.mark.parametrize("broken", BROKEN_OPS)
def test_a_broken_op_is_found_at_its_first_step(tmp_path: Path, broken: str) -> None:
    found = run(sabotaged(tmp_path, BROKEN_OPS[broken]), experiment=ONE)
    (row,) = found.rows
    assert not found.agrees
    assert row.backend == "numpy"
    if row.comparison is None:  # some breaks end in an error, which then stands in the row
        assert row.error
    else:
        assert row.comparison.first_divergence is not None
        assert row.comparison.first_divergence.step == 1


def test_only_the_rows_that_use_a_broken_op_part(tmp_path: Path) -> None:
    found = run(sabotaged(tmp_path, BROKEN_OPS["sign of clip"]))
    for row in found.rows:
        e = row.case.experiment
        assert row.agrees != (e.penalty in ("l1", "elasticnet") and e.l1_update == "proximal")


def test_a_rounding_in_float32_is_seen_as_one(tmp_path: Path) -> None:
    (row,) = run(sabotaged(tmp_path, BROKEN_OPS["rounding in matmul"]), experiment=ONE).rows
    assert row.comparison is not None
    assert PARITY["float64"] < row.comparison.max_relative_difference < PARITY["float32"]


MISHAPS = {
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
    "ends": ("os._exit(3)", "exit code 3"),
    "hangs": ("threading.Event().wait()", "gave no answer to 'fit' within 6 s"),
    "talks": ("(answers.write(b'Illegal instruction, or so'), answers.flush())", "is no frame"),
    "raises": ("raise_(RuntimeError('out of luck'))", "raised RuntimeError: out of luck"),
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_the_others_go_on_when_something_happens_to_one(tmp_path: Path, mishap: str) -> None:
    """Two processes; one has a mishap at every run with momentum, and is started anew."""
    act, told = MISHAPS[mishap]
    sabotage = f"def raise_(error): raise error\nbefore('momentum', lambda: {act})"
    bad, numbers = sabotaged(tmp_path, sabotage), count()
    healthy = [next(numbers) == 1 for _ in range(2)]  # the second lane

    def start(found: Interpreter) -> Worker:
        return bad(found) if lanes[id(found)] else Worker(found.backend, found.python)

    lanes: dict[int, bool] = {}
    find = matrix.find_backends

    def remember(names: list[str]) -> tuple[list[Interpreter], dict[str, str]]:
        found, missing = find(names)
        lanes.update({id(one): not good for one, good in zip(found, healthy, strict=True)})
        return found, missing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix, "find_backends", remember)
        found = run(start, names=["numpy", "numpy"], call_limit=6.0)
    assert not found.agrees
    assert len(found.rows) == 72
    errors = [row for row in found.rows if row.error]
    assert all(row.agrees for row in found.rows[36:])
    assert errors
    assert told in (errors[0].error or "")
    assert errors[0].case.experiment.optimizer == "momentum"
    before = found.rows.index(errors[0])
    assert all(row.agrees for row in found.rows[:before])
    if mishap == "raises":  # nothing was lost: only those runs fail
        assert {row.case.experiment.optimizer for row in errors} == {"momentum"}
    else:  # started anew twice, then given up
        assert found.rows[before + 1].agrees
        assert "given up after 3 lost processes" in (found.rows[35].error or "")


def test_the_command_prints_and_exits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "e.toml").write_text(ONE.to_toml())
    options = ["parity", "--backends", "numpy", "--experiment", str(tmp_path / "e.toml")]
    outcome = in_process(options, capsys, monkeypatch)
    assert outcome.code == 0
    assert "all" in outcome.out
    report = in_process([*options, "--format", "json"], capsys, monkeypatch).json
    assert {"reference", "dtype", "tolerance", "rows", "missing"} <= set(report)
    assert report["tolerance"] == PARITY["float64"]
    (row,) = report["rows"]
    expected = {"backend": "numpy", "implementation": "scratch", "penalty": "elasticnet"}
    assert expected.items() <= row.items()
    assert row["max_relative_difference"] == 0
    assert row["agrees"] is True
    assert row["first_divergence"] is None
    assert row["error"] is None


def test_a_missing_backend_that_was_asked_for_is_exit_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "e.toml").write_text(ONE.to_toml())
    find = environments.resolve

    def resolve(name: str) -> Interpreter:
        if name == "mxnet":
            raise BackendNotInstalledError("run weightdecay env create mxnet.")
        return find(name)

    monkeypatch.setattr(matrix, "resolve", resolve)
    options = ["parity", "--backends", "numpy,mxnet", "--experiment", str(tmp_path / "e.toml")]
    report = in_process([*options, "--format", "json"], capsys, monkeypatch)
    assert report.code == 1
    assert report.json["rows"][0]["agrees"] is True
    assert report.json["missing"] == {"mxnet": "run weightdecay env create mxnet."}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backends", "numpy,tortch"], "did you mean 'torch'"),
        (["--backends", ""], "name backends with commas"),
        (["--backends", "numpy,"], "name backends with commas"),
        (["--dtype", "float16"], "unknown dtype"),
        (["--experiment", "missing.toml"], "cannot read"),
    ],
)
def test_bad_options_get_one_sentence(
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome = in_process(["parity", *options], capsys, monkeypatch)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_the_parent_imports_no_framework(tmp_path: Path) -> None:
    """Even where frameworks are installed beside it."""
    (tmp_path / "e.toml").write_text(ONE.to_toml())
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        "F = {'torch', 'tensorflow', 'jax', 'mxnet', 'keras'}\n"
        "atexit.register(lambda: print('loaded', *(F & set(sys.modules)), file=sys.stderr))\n"
    )
    import os

    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    options = ["parity", "--experiment", str(tmp_path / "e.toml"), "--format", "json"]
    outcome = in_subprocess(options, env=environment)
    assert outcome.err.splitlines()[-1] == "loaded"
