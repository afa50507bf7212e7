"""Where files go: through links, with their permissions, whole, and never where they must not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weightdecay import output
from weightdecay.cli.common import require_files
from weightdecay.errors import InputError
from weightdecay.output import require_writable, write_bytes, writing


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.csv", tmp_path / "link.csv"
    link.symlink_to("elsewhere/real.csv")
    for content in (b"first", b"second"):  # the first through a link to what is not there yet
        write_bytes(link, content)
        assert link.is_symlink()
        assert real.read_bytes() == content
    assert listing(tmp_path) == ["elsewhere", "link.csv"]
    assert listing(tmp_path / "elsewhere") == ["real.csv"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_permissions_stay(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(mode)
    write_bytes(path, b"new")
    assert path.stat().st_mode & 0o777 == mode


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_bytes(tmp_path / "a.csv", b"new")
    assert (tmp_path / "a.csv").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_is_no_place_for_a_file_is_refused_before_and_after(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "read-only").write_text("precious")
    (tmp_path / "read-only").chmod(0o444)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    before = listing(tmp_path)
    for name, message in [
        ("folder", "it is a folder; name a file"),
        ("read-only", "it is read-only; name another file"),
        ("pipe", "it is a pipe or a device"),
        ("circle", "the links go round in a circle"),
        ("nowhere/a", "name a file in a folder that exists"),
        ("read-only/a", "name a file in a folder that exists"),
        ("n" * 300, "choose a shorter name"),
        ("../" * 3000 + "a", "choose a shorter name"),
        ("a\0b", "name a file"),
    ]:
        for attempt in (require_writable, lambda path: write_bytes(path, b"new")):
            with pytest.raises(InputError, match=message) as caught:
                attempt(tmp_path / name)
            assert len(str(caught.value)) < 600
    with pytest.raises(InputError, match="a pipe or a device"):
        require_writable(Path(os.devnull))
    assert listing(tmp_path) == before
    assert (tmp_path / "read-only").read_text() == "precious"


def test_the_longest_name_that_a_disk_takes_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".csv")
    require_writable(path)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(28, "No space left")])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.csv"
    path.write_text("precious")

    def interrupted() -> None:
        with writing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises((KeyboardInterrupt, MemoryError, InputError)):
        interrupted()
    assert listing(tmp_path) == ["a.csv"]
    assert path.read_text() == "precious"


def test_files_that_are_read_or_written_twice_are_told_apart(tmp_path: Path) -> None:
    there, link = tmp_path / "a.csv", tmp_path / "b.csv"
    there.write_text("precious")
    link.symlink_to("a.csv")
    for name in (there, link, tmp_path / "." / "a.csv"):
        with pytest.raises(InputError, match=r"--out and FILE are both .*: name a file of its own"):
            require_files({"--out": str(name)}, {"FILE": str(there)})
    with pytest.raises(InputError, match="--plot and --out are both"):
        require_files({"--out": str(tmp_path / "c"), "--plot": str(tmp_path / "c")}, {})
    require_files({"--out": str(tmp_path / "c"), "--plot": None}, {"FILE": "diabetes"})
    assert listing(tmp_path) == ["a.csv", "b.csv"]


def test_the_help_says_so() -> None:
    for word in ("link", "permissions", "read-only", "folder", "pipe", "device", "read"):
        assert word in output.RULES
