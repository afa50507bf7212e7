"""The audit on optimizers that other people wrote: every class of some packages of the registry.

``python benchmarks/packages.py [--packages A,B] [--environment FOLDER] [--out FILE]``. It makes a
virtual environment, installs the versions of ``packages.toml`` there, audits every optimizer class
that it finds, each in a process of its own, and holds what comes out against what the sources say,
which stands in the same file. Exit code 1 where a named verdict contradicts it, or where the audit
ends in anything but a report or a sentence.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
INSIDE = HERE / "packages_inside.py"
KNOWN = tomllib.loads(HERE.joinpath("packages.toml").read_text(encoding="utf-8"))

UNNAMED = ("other", "unrecognised")
"""Verdicts that say that there is a decay, and give it no name."""


def installed(folder: Path, names: list[str]) -> Path:
    """The Python of an environment that has these packages and what an audit needs."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    common = KNOWN["environment"]
    subprocess.run([*pip, *common["with_dependencies"]], check=True)
    wanted = [pin for name in names for pin in KNOWN["packages"][name]["install"]]
    subprocess.run([*pip, "--no-deps", *common["alone"], *wanted], check=True)
    return python


def audited(python: Path, name: str, limit: float, only: str | None) -> Iterator[dict[str, Any]]:
    """A row for every optimizer class of a package."""
    package = KNOWN["packages"][name]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    environment |= {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    request = {**package, "limit": limit, "only": only}
    command = [str(python), str(INSIDE), json.dumps(request)]
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            yield {"package": name, **judged(package, json.loads(line))}
        if process.wait():
            complaints.seek(0)
            lines = [line.strip() for line in complaints if line.strip()]
            said = f"the package is not read: {lines[-1] if lines else 'nothing was said'}"
            yield {"package": name, "class": "?", "outcome": "crash", "said": said}


def judged(package: Mapping[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """A row beside what the source says: `wrong` where a named verdict contradicts it."""
    name = row["class"]
    right = next((v for v, names in package.get("read", {}).items() if name in names), None)
    factor = package.get("factors", {}).get(name, 1.0)
    row |= {"read": right, "because": package.get("because", {}).get(name)}
    if row["outcome"] != "report":
        row["judgement"] = "refused" if row["outcome"] == "sentence" else "wrong"
    elif row["verdict"] in UNNAMED:
        row["judgement"] = "right" if right == "other" else "open"
    elif right is None:
        row["judgement"] = "unread"
    else:
        same = row["verdict"].removesuffix("-lr-free") == right
        row["judgement"] = "right" if same and agrees(factor, row["factor"]) else "wrong"
    return row


def agrees(read: float, found: float | None) -> bool:
    """Whether the factor is that of the source; of `none` there is none."""
    return found is None or abs(found - read) <= 1e-6 * abs(read)


def show(row: Mapping[str, Any]) -> None:
    """One line of the table."""
    said = row.get("equation") or row.get("said") or ""
    residual = row.get("residual")
    print(
        f"{row['package']:18} {row['class']:26} {row.get('verdict') or row['outcome']:18} "
        f"{row.get('judgement', ''):9} {'' if residual is None else format(residual, '.0e'):7} "
        f"{row.get('seconds', 0):5.1f} s  {said}",
        flush=True,
    )


def main() -> None:
    """Install, audit, print, and write the results if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", default=",".join(KNOWN["packages"]), metavar="A,B")
    parser.add_argument("--classes", metavar="REGEX", help="only classes whose whole name matches")
    parser.add_argument("--environment", type=Path, default=HERE.parent / ".nox" / "packages")
    parser.add_argument("--limit", type=float, default=120, help="seconds a class may take")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    names = arguments.packages.split(",")
    for name in names:
        if name not in KNOWN["packages"]:
            parser.error(f"unknown package {name!r}: known are {', '.join(KNOWN['packages'])}.")
    if arguments.classes is not None:
        re.compile(arguments.classes)
    python = installed(arguments.environment, names)
    start, rows = time.perf_counter(), []
    for name in names:
        for row in audited(python, name, arguments.limit, arguments.classes):
            show(row)
            rows.append(row)
    counts = Counter(row.get("judgement", "wrong") for row in rows)
    print(f"{len(rows)} classes in {time.perf_counter() - start:.0f} s: {dict(counts)}")
    if arguments.out:
        report = {"machine": machine(python, names), "counts": counts, "rows": rows}
        text = json.dumps(report, indent=1, ensure_ascii=False)
        whole = arguments.out.with_suffix(".json.part")
        whole.write_text(text + "\n", encoding="utf-8")
        os.replace(whole, arguments.out)
    sys.exit(1 if counts["wrong"] else 0)


def machine(python: Path, names: list[str]) -> Any:
    """The machine, and the versions in the environment."""
    pins = [*KNOWN["environment"]["with_dependencies"]]
    pins += [pin for name in names for pin in KNOWN["packages"][name]["install"]]
    packages = [pin.partition("==")[0] for pin in pins]
    code = (
        "import json, sys; from weightdecay.benching.machine import describe; "
        "print(json.dumps(describe(*sys.argv[1:])))"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [str(python), "-c", code, *packages],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
