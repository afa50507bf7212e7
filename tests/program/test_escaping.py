"""Text from elsewhere: nothing hostile in it, and still the same text."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weightdecay
from tests.hostile.answering import HOSTILE
from weightdecay import escaping
from weightdecay.errors import UnknownNameError
from weightdecay.report.terminal import Console, Table, Text

TEXTS = st.text(st.characters(codec=None), max_size=40) | st.text(
    st.sampled_from("a\x08\x1b\x9b\x7f\n\t\u202e\ud800\ufeff[]/=+-@'\"\\:é名\U000e0041"),
    max_size=12,
)


@given(TEXTS)
def test_nothing_hostile_is_left_and_the_rest_stays(text: str) -> None:
    for harmless in (escaping.lines, escaping.line, escaping.name, escaping.sentence):
        assert not HOSTILE.search(harmless(text))
        assert harmless(harmless(text)) == harmless(text)
    assert not re.search("[\n\t]", escaping.line(text))
    if not HOSTILE.search(text) and text.isprintable():
        assert escaping.lines(text) == escaping.line(text) == text


@pytest.mark.parametrize(
    "text", ["ä ß 名前 שלום العربية हिन्दी", "e\u0301", "😀", "می\u200cخواهم", "a\\b"]
)
def test_ordinary_text_of_every_script_stays(text: str) -> None:
    assert escaping.name(text) == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False,
       allow_infinity=False) | TEXTS, lambda part: st.lists(part, max_size=3)
       | st.dictionaries(TEXTS, part, max_size=3), max_leaves=8))  # fmt: skip
def test_json_holds_what_it_was_given_and_nothing_hostile(value: object) -> None:
    for indent in (None, 2):
        words = escaping.to_json(value, indent=indent)
        assert not HOSTILE.search(words)
        assert json.loads(words) == value


def test_json_has_no_number_that_is_none() -> None:
    words = escaping.to_json({"a": [float("nan"), float("inf"), (1.5,)]})
    assert json.loads(words) == {"a": [None, None, [1.5]]}


@given(TEXTS.filter(lambda text: not HOSTILE.search(text) and not re.search("[\n\t]", text)))
def test_a_cell_is_no_formula_and_can_be_read_back(text: str) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerow([escaping.csv_cell(text), "end"])
    ((cell, _),) = csv.reader(io.StringIO(stream.getvalue()))
    assert not re.match(r"[=@＝＠]|[+\-＋－](?![\d.])", cell)
    assert (cell[1:] if re.match(r"'+[=+\-@＝＋－＠]", cell) else cell) == text


@pytest.mark.parametrize("number", ["-1", "+2.5", "-.5e-300", "1e9", "-0.0"])
def test_a_number_stays_a_number(number: str) -> None:
    assert escaping.csv_cell(number) == number


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8))
@settings(max_examples=10)
def test_an_option_to_type_says_the_same_to_a_shell(text: str) -> None:
    spelled = escaping.shell(f"{text}\x1b\n'\\\u202e")
    assert not re.search("[\n\t]", spelled)
    assert not HOSTILE.search(spelled)
    command = ["bash", "-c", f"printf %s {spelled}"]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    printed = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    assert printed.decode() == f"{text}\x1b\n'\\\u202e"
    assert escaping.shell("a b") == "'a b'"


def test_a_wrong_value_is_shown_at_once_and_not_at_length() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert escaping.shown("n" * 10**6).count("n") < 300
    assert "999,750" not in escaping.shown("x")
    assert escaping.shown(10**5000) == "a whole number of 5,000 digits"
    assert escaping.shown(Bad()) == "a value of the type Bad"
    assert escaping.shown("a\x1b\n") == r"'a\x1b\n'"


def test_unknown_names_are_answered_at_once() -> None:
    known = [f"column {i}" for i in range(10_000)]
    said = str(UnknownNameError("column", "colum 17", known))
    assert "did you mean 'column 17'?" in said
    assert said.endswith("and 9,960 more.")
    assert len(str(UnknownNameError("column", "n" * 10**6, known))) < 2000
    assert "n" * 100 not in str(UnknownNameError("column", "x", ["n" * 10**6]))


def test_the_console_takes_no_text_for_anything_else() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=60, force_terminal=True, color_system="standard")
    table = Table()
    table.add_column("[bold]head[/bold]")
    for cell in ("[/x]", "\x1b[2J", ":smile:", "a\nweightdecay: forged", "[link=x]y"):
        table.add_row(cell)
        console.print(cell)
        console.print(Text(cell))
    console.print(table)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())  # the console's own styles
    assert not HOSTILE.search(shown)
    for part in (
        "[/x]",
        r"\x1b[2J",
        ":smile:",
        r"a\nweightdecay",
        "[link=x]y",
        "[bold]head[/bold]",
    ):
        assert part in shown


@pytest.mark.parametrize("columns", ["9" * 5000, "²", "0", "-5", "x", "", "99999999"])
def test_a_width_that_is_none_is_left_alone(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LINES", columns)
    assert 1 <= Console(file=io.StringIO()).width <= 10_000
    monkeypatch.setenv("COLUMNS", "77")
    assert Console(file=io.StringIO()).width == 77


PRINTERS = {"report/terminal.py", "progress.py"}
SPEAKERS = {"cli/common.py"}
WRITERS = {"escaping.py", "frames.py", "environments.py"}


def test_nothing_is_shown_by_another_way() -> None:
    """Only these modules print, build tables or write JSON, so that nobody can forget to escape."""
    root = Path(weightdecay.__file__).parent
    for path in root.rglob("*.py"):
        where = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich")
            imported |= isinstance(node, ast.Import) and any(
                n.name.startswith("rich") for n in node.names
            )
            assert not imported or where in PRINTERS, f"{where} prints through rich itself"
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called != "click.echo" or where in SPEAKERS, f"{where} prints by itself"
            assert called != "json.dumps" or where in WRITERS, f"{where} writes JSON by itself"
