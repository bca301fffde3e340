"""Secrets are fetched when they are used, and nothing but the answer holds them."""

import asyncio
import sys
import time
import traceback
from pathlib import Path

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.secrets import base, program
from pluma_tui.secrets.base import Secrets, ttl_seconds

KEY = "sk-a-key-that-nobody-may-see"


async def fetch(ref: SecretRef) -> str:
    return await Secrets().fetch(ref)


async def refused(ref: SecretRef) -> SecretError:
    """The error; whatever it is asked, the key is not in it."""
    with pytest.raises(SecretError) as caught:
        await fetch(ref)
    error = caught.value
    said = [*traceback.format_exception(error), error.message, error.hint, repr(error)]
    assert KEY not in "".join(said)
    return error


def script(folder: Path, body: str, **more: str) -> SecretRef:
    """A reference to a program: Python, run by its path."""
    path = folder / "give-key"
    path.write_text(f"import os, sys, time\n{body}\n")
    return SecretRef("command", (sys.executable, str(path)), more)


def counting(folder: Path, **more: str) -> tuple[SecretRef, Path]:
    """A program that prints a key, and the file into which it writes a dot whenever it runs."""
    runs = folder / "runs"
    return script(folder, f"open({str(runs)!r}, 'a').write('.'); print({KEY!r})", **more), runs


class TestEnv:
    async def test_the_variable_is_read_when_it_is_asked_for(self, monkeypatch: pytest.MonkeyPatch):
        secrets, ref = Secrets(), SecretRef("env", "SOME_KEY")
        monkeypatch.setenv("SOME_KEY", KEY)
        assert await secrets.fetch(ref) == KEY
        monkeypatch.setenv("SOME_KEY", "another")
        assert await secrets.fetch(ref) == "another"

    async def test_a_variable_that_is_not_set_is_named(self):
        error = await refused(SecretRef("env", "PLUMA_NO_SUCH"))
        assert error.message == "the variable PLUMA_NO_SUCH is not set"

    async def test_a_key_in_place_of_the_variables_name_is_not_repeated(self):
        error = await refused(SecretRef("env", KEY))
        assert "no name of a variable" in error.message

    @pytest.mark.parametrize(
        ("value", "words"),
        [("", "is empty"), ("  \n", "is empty"), (f"{KEY}\nx", "characters"), (f"{KEY}é", "chara")],
    )
    async def test_what_no_header_can_carry_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, value: str, words: str
    ):
        monkeypatch.setenv("SOME_KEY", value)
        error = await refused(SecretRef("env", "SOME_KEY"))
        assert "env:SOME_KEY" in error.message
        assert words in error.message


class TestFile:
    @pytest.mark.parametrize("text", [KEY, f"{KEY}\n", f" {KEY} \r\nsecond line\n"])
    async def test_the_first_line_is_the_key(self, tmp_path: Path, text: str):
        path = tmp_path / "key"
        path.write_text(text)
        path.chmod(0o600)
        assert await fetch(SecretRef("file", str(path))) == KEY

    async def test_a_tilde_is_the_home_folder(self, home: Path):
        (home / "key").write_text(KEY)
        (home / "key").chmod(0o400)
        assert await fetch(SecretRef("file", "~/key")) == KEY

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610])
    async def test_a_file_that_others_may_use_is_refused(self, tmp_path: Path, mode: int):
        path = tmp_path / "key"
        path.write_text(KEY)
        path.chmod(mode)
        error = await refused(SecretRef("file", str(path)))
        assert (error.message, error.hint) == (f"{path} can be read by others", f"chmod 600 {path}")

    @pytest.mark.parametrize("name", ["nothing-here", ".", "~nobody-of-that-name/key"])
    async def test_what_cannot_be_read_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ):
        monkeypatch.chdir(tmp_path)
        error = await refused(SecretRef("file", name))
        assert f"{name} cannot be read: " in error.message

    @pytest.mark.parametrize("text", ["", "\n" + KEY, "\ufeff" + KEY])
    async def test_a_first_line_that_is_no_key_is_refused(self, tmp_path: Path, text: str):
        path = tmp_path / "key"
        path.write_text(text)
        path.chmod(0o600)
        await refused(SecretRef("file", str(path)))


class TestCommand:
    async def test_the_first_line_of_the_output_is_the_key(self, tmp_path: Path):
        assert await fetch(script(tmp_path, f"print({KEY!r}); print('login: me')")) == KEY

    async def test_arguments_go_to_the_program_as_they_are(self, tmp_path: Path):
        ref = script(tmp_path, "print(sys.argv[1:])")
        words = ("a b", "$HOME", "*", "; echo x")
        assert isinstance(ref.value, tuple)
        assert await fetch(SecretRef("command", (*ref.value, *words))) == str(list(words))

    async def test_a_program_that_fails_is_named_with_its_status_and_without_its_words(self, tmp_path: Path):
        body = f"print({KEY!r}); print({KEY!r}, file=sys.stderr); sys.exit(3)"
        error = await refused(script(tmp_path, body))
        assert error.message == f"{sys.executable} ended with status 3"

    async def test_a_program_that_is_not_there_is_named(self):
        error = await refused(SecretRef("command", ("pluma-no-such-program",)))
        assert error.message == "pluma-no-such-program cannot be run: No such file or directory"

    async def test_a_program_that_takes_too_long_is_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(program, "_TIME_LIMIT", 0.5)
        pid = tmp_path / "pid"
        ref = script(
            tmp_path, f"open({str(pid)!r}, 'w').write(str(os.getpid())); print({KEY!r}); time.sleep(600)"
        )
        error = await refused(ref)
        assert "gave no key within" in error.message
        assert not pid.exists() or not Path("/proc", pid.read_text()).exists()

    async def test_output_that_is_no_text_is_refused(self, tmp_path: Path):
        await refused(script(tmp_path, f"sys.stdout.buffer.write(b'\\xff' + {KEY.encode()!r})"))

    async def test_nothing_is_read_from_the_terminal(self, tmp_path: Path):
        assert await fetch(script(tmp_path, "print('input:', repr(sys.stdin.read()))")) == "input: ''"

    @pytest.mark.parametrize("expires", ["", ', "expires": null', ', "expires": 4102444800',
                                         ', "expires": "2100-01-01T00:00:00Z"',
                                         ', "expires": "2100-01-01T00:00:00.5+02:00"'])  # fmt: skip
    async def test_json_may_hold_the_key(self, tmp_path: Path, expires: str):
        text = f' {{"secret": "{KEY}"{expires}}}\n'
        ref = script(tmp_path, f"open({str(tmp_path / 'runs')!r}, 'a').write('.'); print({text!r})")
        secrets = Secrets()
        assert [await secrets.fetch(ref), await secrets.fetch(ref)] == [KEY, KEY]
        assert (tmp_path / "runs").read_text() == "."

    @pytest.mark.parametrize(
        "text",
        ["{", f'{{"key": "{KEY}"}}', f'{{"secret": ["{KEY}"]}}', f'{{"secret": "{KEY}"', "{" * 5000,
         f'{{"secret": "{KEY}", "expires": "soon"}}', f'{{"secret": "{KEY}", "expires": true}}',
         f'{{"secret": "{KEY}", "expires": NaN}}', '{"secret": ""}'],
    )  # fmt: skip
    async def test_json_without_a_key_is_refused(self, tmp_path: Path, text: str):
        await refused(script(tmp_path, f"print({text!r})"))

    async def test_a_key_that_has_expired_is_fetched_anew(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        now = 1000.0
        monkeypatch.setattr(base.time, "time", lambda: now)
        monkeypatch.setattr(base.time, "monotonic", lambda: now - 900)
        runs = tmp_path / "runs"
        text = f'{{"secret": "{KEY}", "expires": 1060}}'
        ref = script(tmp_path, f"open({str(runs)!r}, 'a').write('.'); print({text!r})", ttl="1h")
        secrets = Secrets()
        for now, run_so_far in [(1000.0, "."), (1059.0, "."), (1060.0, ".."), (1061.0, "...")]:  # noqa: B007
            assert await secrets.fetch(ref) == KEY
            assert runs.read_text() == run_so_far

    async def test_one_that_is_older_than_wanted_is_fetched_anew_and_then_kept(self, tmp_path: Path):
        ref, runs = counting(tmp_path)
        secrets = Secrets()
        await secrets.fetch(ref)
        wanted = time.monotonic()
        await asyncio.gather(*(secrets.fetch(ref, newer_than=wanted) for _ in range(3)))
        assert runs.read_text() == ".."

    async def test_it_is_run_once_in_a_run(self, tmp_path: Path):
        ref, runs = counting(tmp_path)
        secrets = Secrets()
        assert [await secrets.fetch(ref), await secrets.fetch(ref)] == [KEY, KEY]
        assert runs.read_text() == "."

    async def test_two_who_ask_at_once_share_one_run(self, tmp_path: Path):
        ref, runs = counting(tmp_path)
        secrets = Secrets()
        assert await asyncio.gather(secrets.fetch(ref), secrets.fetch(ref)) == [KEY, KEY]
        assert runs.read_text() == "."

    async def test_a_failure_is_not_kept(self, tmp_path: Path):
        secrets = Secrets()
        ref = script(tmp_path, "sys.exit(1)")
        with pytest.raises(SecretError):
            await secrets.fetch(ref)
        script(tmp_path, f"print({KEY!r})")
        assert await secrets.fetch(ref) == KEY

    async def test_after_its_time_it_is_fetched_anew(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        now = 1000.0
        monkeypatch.setattr(base.time, "monotonic", lambda: now)
        ref, runs = counting(tmp_path, ttl="1m")
        secrets = Secrets()
        await secrets.fetch(ref)
        now += 59
        await secrets.fetch(ref)
        assert runs.read_text() == "."
        now += 1
        await secrets.fetch(ref)
        assert runs.read_text() == ".."

    async def test_a_time_that_is_none_is_told_before_anything_runs(self, tmp_path: Path):
        ref, runs = counting(tmp_path, ttl="soon")
        error = await refused(ref)
        assert "ttl 'soon' is not a time" in error.message
        assert not runs.exists()

    async def test_programs_that_look_alike_in_one_line_are_not_taken_for_each_other(self, tmp_path: Path):
        ref = script(tmp_path, "print(len(sys.argv))")
        assert isinstance(ref.value, tuple)
        one, two = SecretRef("command", (*ref.value, "a b")), SecretRef("command", (*ref.value, "a", "b"))
        secrets = Secrets()
        assert [await secrets.fetch(one), await secrets.fetch(two)] == ["2", "3"]


@pytest.mark.parametrize(
    ("ttl", "seconds"),
    [("90", 90), (90, 90), ("5s", 5), ("15m", 900), ("1h", 3600), ("2 d", 172800), ("0", 0)],
)
def test_a_time_to_keep_is_read(ttl: str | int, seconds: float):
    assert ttl_seconds(SecretRef("command", ("x",), {"ttl": ttl})) == seconds


def test_without_a_time_it_is_kept_for_this_run():
    assert ttl_seconds(SecretRef("command", ("x",))) == float("inf")


async def test_a_plain_key_is_itself():
    assert await fetch(SecretRef("literal", KEY)) == KEY


def test_a_plain_key_is_in_no_text_about_it():
    ref = SecretRef("literal", KEY)
    profile = ConnectionProfile(compat="openai", api_key=ref)
    assert KEY not in f"{ref} {ref!r} {profile} {profile!r} {[ref]}"
    assert "(hidden)" in str(ref)


async def test_a_source_of_a_later_version_is_told():
    error = await refused(SecretRef("plugin", "name:ref"))
    assert "from plugin cannot be fetched by this version" in error.message
