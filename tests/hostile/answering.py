"""How a bad input is asked, and what must be true of the answer.

Every command runs in a process of its own, forked from this one (which has done the imports), in a
folder of its own that holds files which must not change.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.hostile.drawing import Case

LIMIT = 10.0
"""Seconds within which there must be an answer."""
MEMORY = 8 * 2**30
"""Bytes of addresses that a command gets: what asks for more must say so."""
CODES = {0, 1, 2, 3}
KEPT = "precious"
HOSTILE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
"""What no terminal may get, written here again so that it is not judged by itself."""


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str
    seconds: float
    files: dict[str, bytes]


def ask(case: Case, limit: float = LIMIT) -> Answer:
    """Run a case in a fork of this process, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        inside = folder / "here"
        inside.mkdir()
        (inside / "folder").mkdir()
        for kept in ("kept.svg", "readonly.json", "readonly.svg", "readonly.csv", "readonly.toml"):
            (inside / kept).write_text(KEPT)
            (inside / kept).chmod(0o444)
        for ending in ("json", "svg", "csv", "toml"):
            os.mkfifo(inside / f"pipe.{ending}")
            (inside / f"circle.{ending}").symlink_to(f"circle.{ending}")
        for file, content in case.files.items():
            (inside / file).write_bytes(content)
        out, err = folder / "out", folder / "err"
        started = time.monotonic()
        code = _forked(case, inside, out, err, limit)
        found = {
            str(path.relative_to(inside)): path.read_bytes()
            for path in inside.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
        seconds = time.monotonic() - started
        said, complained = (p.read_bytes().decode("utf-8", "surrogateescape") for p in (out, err))
        return Answer(code, said, complained, seconds, found)


def _forked(case: Case, inside: Path, out: Path, err: Path, limit: float) -> int:
    """The exit code; negative where a signal ended it."""
    sys.stdout.flush()  # or the child would write it, too
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.setsid()
            _become(case, inside, out, err)
            from weightdecay.cli import main

            try:
                main()
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else int(left.code is not None)
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGALRM


def _become(case: Case, inside: Path, out: Path, err: Path) -> None:
    os.chdir(inside)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "--plot" not in " ".join(case.arguments):  # the renderer reserves far more than it uses
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for descriptor, path in ((1, out), (2, err)):
        handle = os.open(path, os.O_CREAT | os.O_WRONLY)
        os.dup2(handle, descriptor)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), encoding="utf-8", line_buffering=True)
    os.environ["WEIGHTDECAY_ENVIRONMENTS"] = str(inside / "environments")
    for name, value in case.variables.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    sys.argv = ["weightdecay", *case.arguments]


def faults(case: Case, answer: Answer) -> list[str]:
    """Everything that is wrong with an answer."""
    found = []
    if answer.code == -signal.SIGALRM:
        found.append("no answer")
    elif answer.code not in CODES:
        found.append(f"exit code {answer.code}")
    if "Traceback" in answer.err or "Traceback" in answer.out:
        found.append("a traceback")
    if answer.code in (1, 2, 3) and not answer.err.strip() and not answer.out.strip():
        found.append("not a word")
    if answer.code == 2 and "weightdecay: " not in answer.err:
        found.append("no sentence")
    for text in (answer.out, answer.err):
        if match := HOSTILE.search(text):
            found.append(f"{match[0]!r} on the terminal")
        if re.search(r"^weightdecay: all is well", text, re.M):
            found.append("a forged line")
        if any(len(line) > 30_000 for line in text.splitlines()) and "json" not in case.arguments:
            found.append("a line without end")
    found += _file_faults(case, answer)
    if "json" in case.arguments and answer.out:
        found += _json_faults("standard output", answer.out)
    return found


def _file_faults(case: Case, answer: Answer) -> list[str]:
    found = []
    for name, content in answer.files.items():
        if name in case.files:
            if content != case.files[name]:
                found.append(f"{name!r} was overwritten")
        elif name.startswith(("kept", "readonly")):
            if content != KEPT.encode():
                found.append(f"{name!r} was overwritten")
        elif answer.code in (2, 3) or os.path.normpath(name) not in map(
            os.path.normpath, case.written
        ):
            found.append(f"{name!r} was left behind")
        elif name.endswith(".svg"):
            try:
                ElementTree.fromstring(content)
            except ElementTree.ParseError as error:
                found.append(f"{name!r} is no SVG: {error}")
        elif name.endswith(".json"):
            found += _json_faults(name, content.decode())
        elif name.endswith(".csv") and re.match(rb"\"?[=@+-][^0-9.\n]", content):
            found.append(f"{name!r} begins with a formula")
    return found


def _json_faults(what: str, text: str) -> list[str]:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError as error:
        return [f"{what} is no JSON: {error}"]
    return []


def prepare() -> None:
    """Import once what every fork then has; nothing here starts a thread."""
    for name in ("polars", "altair", "vl_convert", "sklearn.linear_model", "plotille",
                 "sklearn.model_selection", "weightdecay.cli", "weightdecay.report.tune",
                 "weightdecay.tuning.running", "weightdecay.remedies.comparing"):  # fmt: skip
        importlib.import_module(name)
