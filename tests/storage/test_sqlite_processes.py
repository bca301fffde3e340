"""Processes that are killed, and processes that write at the same time."""

import contextlib
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

from pluma_tui.core.chat import Conversation
from pluma_tui.storage.open import DATABASE, open_store

WRITER = Path(__file__).with_name("writer.py")


def writer(*args: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(WRITER), *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def intact(data: Path) -> None:
    with contextlib.closing(sqlite3.connect(data / DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_what_was_stored_survives_kill_9(tmp_path: Path) -> None:
    """A short form of the rounds: what the writer told before it died is there, and the file is whole."""
    dice = random.Random()
    for round_ in range(10):
        with writer("answer", tmp_path, f"c{round_}") as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(dice.randint(1, 300))]
            child.kill()
            lines += child.stdout.readlines()
        told = dict(line.split() for line in lines if line.endswith("\n"))
        assert told
        intact(tmp_path)
        store = open_store("", tmp_path)
        there = {message.id: len(message.text) for message in await store.tree(f"c{round_}")}
        await store.close()
        for message, length in told.items():
            assert there[message] >= int(length)


async def test_eight_processes_write_at_once(tmp_path: Path) -> None:
    store = open_store("", tmp_path)
    await store.create(Conversation(id="shared"))
    children = [writer("add", tmp_path, "shared", f"w{number}", 40) for number in range(8)]
    for child in children:
        out, err = child.communicate()
        assert (child.returncode, out, err) == (0, "done\n", "")
    assert len(await store.tree("shared")) == 8 * 40
    assert len(await store.conversations()) == 9
    await store.close()
    intact(tmp_path)


async def test_eight_processes_make_the_same_file_at_once(tmp_path: Path) -> None:
    """They used to meet a half-made schema, and a lock that SQLite itself does not wait for."""
    children = [writer("make", tmp_path, f"w{number}", 30) for number in range(8)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        out, err = child.communicate()
        assert (child.returncode, out, err) == (0, "done\n", "")
    for number in range(30):
        store = open_store("", tmp_path / str(number))
        assert len(await store.conversations()) == 8
        await store.close()
        intact(tmp_path / str(number))
