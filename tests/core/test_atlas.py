"""The shipped atlas is what the installed frameworks do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import with_native
from tests.tolerances import AUDIT_ATLAS
from weightdecay.auditing.atlas import COMPARED, changes, entries, plain, variants
from weightdecay.auditing.auditor import audit
from weightdecay.errors import InputError
from weightdecay.registry import load_probe
from weightdecay.report.audit import MEANINGS

DOCS = Path(__file__).parents[2] / "docs"
SHIPPED = json.loads((DOCS / "atlas.json").read_text(encoding="utf-8"))
PAGE = (DOCS / "atlas.md").read_text(encoding="utf-8")


def key(entry: dict[str, Any]) -> tuple[str, str, str]:
    return entry["factory"], entry["knob"], json.dumps(entry["settings"], sort_keys=True)


def shipped(backend: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {key(e): e for e in SHIPPED["entries"] if e["backend"] == backend}


def test_every_decay_that_is_found_is_in_the_atlas(native_backend: str) -> None:
    found = [key(entry._asdict()) for entry in entries(native_backend)]
    assert len(found) == len(set(found))
    assert set(found) == set(shipped(native_backend))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each shipped entry of the frameworks that are asked for."""
    if "shipped_entry" in metafunc.fixturenames:
        asked = with_native(metafunc.config)
        theirs = [e for e in SHIPPED["entries"] if e["backend"] in asked]
        names = ["-".join(key(entry)) for entry in theirs]
        metafunc.parametrize("shipped_entry", theirs, ids=names)


def test_no_verdict_has_changed(shipped_entry: dict[str, Any]) -> None:
    entry = shipped_entry
    factory, knob, settings = entry["factory"], entry["knob"], entry["settings"]
    if "error" in entry:
        with pytest.raises(InputError, match="cannot be driven"):
            audit(factory, knob=knob, **settings)
        return
    report = audit(factory, knob=knob, **settings)
    assert changes(plain(report.to_dict()), entry) == {}
    if report.verdict not in ("none", "other"):
        assert report.residual is not None
        assert report.residual <= AUDIT_ATLAS[report.dtype]


def test_changes_are_seen() -> None:
    entry = next(e for e in SHIPPED["entries"] if e["verdict"] == "decoupled")
    assert changes(entry, entry) == {}
    for name in COMPARED:
        assert set(changes({**entry, name: "another"}, entry)) == {name}
    assert changes({**entry, "factor": entry["factor"] + 0.1}, entry)


def test_residuals_are_rounding() -> None:
    assert not SHIPPED["missing"]
    assert {e["backend"] for e in SHIPPED["entries"]} == {"torch", "tensorflow", "jax", "mxnet"}
    failed = [entry for entry in SHIPPED["entries"] if "error" in entry]
    assert len(failed) <= 1  # an MXNet optimizer that fails whenever it has a momentum
    for entry in SHIPPED["entries"]:
        if entry not in failed and entry["verdict"] not in ("none", "other"):
            assert entry["residual"] <= AUDIT_ATLAS[entry["dtype"]], key(entry)


def test_the_page_has_a_row_for_every_entry() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert len(rows) == len(SHIPPED["entries"])
    for row, entry in zip(rows, SHIPPED["entries"], strict=True):
        assert row.startswith(f"| `{entry['factory']}")
        assert f"| `{entry['knob']}` | {entry.get('verdict', 'cannot be driven')} |" in row


def test_a_catalogue_is_found_by_looking(
    native_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An optimizer that a new version brings appears without anybody listing it."""
    probe = load_probe(native_backend)
    name = probe.catalogue()[0]
    module, _, attribute = name.rpartition(".")
    assert probe.find(name) is getattr(__import__(module, fromlist=[attribute]), attribute)


def test_the_page_explains_every_verdict() -> None:
    for verdict, meaning in MEANINGS.items():
        assert f"- **{verdict}**: {meaning}.\n" in PAGE


def test_variants_turn_what_is_off() -> None:
    options = {"momentum": 0.0, "nesterov": False, "amsgrad": True, "lr": 0.1, "foreach": None}
    assert list(variants(options)) == [
        {},
        {"momentum": 0.875},
        {"amsgrad": False},
        {"momentum": 0.875, "nesterov": True},
    ]
    assert list(variants({"momentum": 0.9, "lr": 0.1})) == [{}]
