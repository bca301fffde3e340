"""Writing in one's own editor."""

import re
import stat
from pathlib import Path

import pytest
from textual.events import Paste

from pluma_tui.widgets.composer import Composer
from tests.screens.conftest import Driven


def composer(app: Driven) -> Composer:
    return app.screen.query_one(Composer)


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`editor(script)` is $VISUAL from then on: a shell script that finds the file in $1."""

    def use(script: str) -> None:
        program = tmp_path / "my editor"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        monkeypatch.setenv("VISUAL", f"'{program}' --wait")

    return use


async def test_ctrl_o_takes_the_text_to_the_editor_and_back(drive, editor, tmp_path: Path):
    editor(
        'cp -p "$2" seen; printf " and more\\nlines\\n" >> "$2"; exit 3'.replace("seen", f"{tmp_path}/seen")
    )
    async with drive() as app:
        await app.type("some")
        await app.pilot.press("ctrl+o")
        await app.until(lambda: composer(app).text == "some\n and more\nlines")
        assert (tmp_path / "seen").read_text() == "some\n"
        assert stat.S_IMODE((tmp_path / "seen").stat().st_mode) == 0o600
        await app.pilot.press("ctrl+underscore")
        assert composer(app).text == "some"
    assert list((tmp_path / "data" / "drafts").rglob("*.md")) == []


async def test_a_paste_is_open_in_the_editor_and_a_chip_again_afterwards(drive, editor):
    editor('echo "the end" >> "$2"')
    async with drive() as app:
        app.pilot.app.post_message(Paste("x\n" * 60))
        await app.until_shown("[pasted 1: 61 lines]")
        await app.pilot.press("ctrl+o")
        await app.until(lambda: composer(app).written.whole == "x\n" * 60 + "\nthe end")
        assert composer(app).text.startswith("[pasted")


@pytest.mark.parametrize("script", ["exit 1", ': > "$2"'])
async def test_a_failure_or_an_empty_file_leaves_the_text_alone(drive, editor, tmp_path: Path, script: str):
    editor(f"{script.replace('exit', f'touch {tmp_path}/ran; exit')}; touch {tmp_path}/ran")
    async with drive() as app:
        await app.type("some")
        await app.pilot.press("ctrl+o")
        await app.until((tmp_path / "ran").exists)
        await app.type("!")
        assert composer(app).text == "some!"


async def test_an_editor_that_is_not_there_is_told(drive, monkeypatch):
    monkeypatch.setenv("VISUAL", "/nowhere/to/be/found")
    async with drive() as app:
        await app.type("some")
        await app.pilot.press("ctrl+o")
        await app.until_shown("/nowhere/to/be/found: No such file")
        assert composer(app).text == "some"


async def test_without_any_editor_it_says_how_to_name_one(drive, monkeypatch):
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    async with drive() as app:
        monkeypatch.setenv("PATH", "")
        await app.pilot.press("ctrl+o")
        await app.until_shown("export EDITOR=nano")


async def test_letters_on_their_way_when_the_editor_opens_are_kept(drive, editor):
    editor('printf " more" >> "$2"')
    async with drive() as app:
        app.burst(*"some", "ctrl+o", *"late")
        await app.until(
            lambda: {"some", "late", "more"} <= {*re.findall("some|late|more", composer(app).text)}
        )
