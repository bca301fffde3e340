"""pluma secret: a key goes in once and never comes out, but to its server."""

from pathlib import Path

import pytest

from pluma_tui.config.read import load
from pluma_tui.core.profile import SecretRef
from tests.cli.program import PLUMA, Program
from tests.servers.replay import Play, answer, replay
from tests.servers.sse import whole
from tests.servers.terminal import Terminal

KEY = "sk-a-key-that-nobody-may-see"
OTHER = "sk-another-key"
BOTH = """\
# mine
[chat.profiles.home]  # the one
compat = "openai"
api_key = {key}  # keep me
base_url = "http://127.0.0.1:1"

[images.profiles.box]
kind = "a1111"
auth = "ann:{plain}"
"""
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


@pytest.fixture
def without(program: Program) -> Program:
    """pluma where there is no keyring."""
    program.env |= NO_KEYRING
    write(program)
    return program


@pytest.fixture
def with_keyring(program: Program) -> Program:
    """pluma with a keyring that keeps what it is given in a file."""
    pytest.importorskip("keyring", reason="the package keyring is not installed")
    program.env |= {
        "PYTHON_KEYRING_BACKEND": "tests.secrets.backends.InFile",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "TEST_KEYRING": str(program.home / "keyring.json"),
    }
    write(program)
    return program


def write(program: Program, key: str = '{ env = "HOME_KEY" }') -> None:
    program.config.write_text(BOTH.format(key=key, plain="pw"))
    program.config.chmod(0o600)


def config(key: str, *, auth: str = '"ann:pw"') -> str:
    return BOTH.format(key=key, plain="pw").replace('"ann:pw"', auth)


def kept(program: Program, name: str) -> Path:
    return program.home / "data" / "secrets" / name


async def test_a_key_goes_from_stdin_into_a_file_of_its_own(without: Program):
    done = await without.run("secret", "set", "home", stdin=f"{KEY}\n".encode())
    path = kept(without, "chat.home")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        'pluma: the api_key of "home" is kept in ~/data/secrets/chat.home, which only you can read.\n'
    )
    assert path.read_text() == f"{KEY}\n"
    modes = [place.stat().st_mode & 0o777 for place in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert without.config.read_text() == config('{ file = "~/data/secrets/chat.home" }')


async def test_it_goes_into_the_keyring_where_there_is_one(with_keyring: Program):
    done = await with_keyring.run("secret", "set", "home", stdin=KEY.encode())
    assert (done.code, done.err) == (0, 'pluma: the api_key of "home" is kept in the keyring.\n')
    assert with_keyring.config.read_text() == config('{ keyring = "pluma/chat/home" }')
    assert with_keyring.files().keys() == {"keyring.json"}
    assert KEY in (with_keyring.home / "keyring.json").read_text()


async def test_the_server_gets_what_was_kept(with_keyring: Program):
    async with replay(answer(whole("hello"))) as server:
        with_keyring.configure(server.url)
        await with_keyring.run("secret", "set", "home", stdin=KEY.encode())
        done = await with_keyring.run("ask", "hi")
    assert (done.code, done.out) == (0, "hello\n")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_keyring_that_fails_is_no_reason_to_fail(with_keyring: Program):
    for backend in ("Locked", "Broken"):
        done = await with_keyring.run(
            "secret", "set", "home", stdin=KEY.encode(),
            PYTHON_KEYRING_BACKEND=f"tests.secrets.backends.{backend}",
        )  # fmt: skip
        assert (done.code, kept(with_keyring, "chat.home").read_text()) == (0, f"{KEY}\n")


async def test_a_new_key_takes_the_place_of_the_old_one(with_keyring: Program):
    await with_keyring.run("secret", "set", "home", "--file", stdin=OTHER.encode())
    assert kept(with_keyring, "chat.home").exists()
    await with_keyring.run("secret", "set", "home", stdin=KEY.encode())
    assert not kept(with_keyring, "chat.home").exists()
    before = with_keyring.config.stat()
    await with_keyring.run("secret", "set", "home", stdin=OTHER.encode())
    after = with_keyring.config.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    text = (with_keyring.home / "keyring.json").read_text()
    assert (KEY in text, OTHER in text) == (False, True)


@pytest.mark.parametrize(("args", "stdin"), [((), b""), (("--from-config",), b"not this one")])
async def test_a_key_that_stands_in_the_config_is_moved(
    without: Program, args: tuple[str, ...], stdin: bytes
):
    write(without, f'"{KEY}"')
    done = await without.run("secret", "set", "home", *args, stdin=stdin)
    assert done.code == 0
    assert kept(without, "chat.home").read_text() == f"{KEY}\n"
    assert without.config.read_text() == config('{ file = "~/data/secrets/chat.home" }')


async def test_a_name_and_password_of_an_image_server_move_too(without: Program):
    done = await without.run("secret", "set", "box", "--auth")
    assert done.code == 0
    assert kept(without, "images.box@auth").read_text() == "ann:pw\n"
    assert without.config.read_text() == config(
        '{ env = "HOME_KEY" }', auth='{ file = "~/data/secrets/images.box@auth" }'
    )


@pytest.mark.parametrize(
    ("args", "stdin", "code", "words"),
    [
        (("home",), b"", 4, "what was given as a key is empty"),
        (("home",), f"{KEY}\n{KEY}\n".encode(), 4, "holds characters that no key may have"),
        (("home",), f"{KEY}\xff".encode("latin-1"), 4, "holds characters that no key may have"),
        (("home", "--from-config"), b"", 2, 'the api_key of "home" does not stand in the config file'),
        (("home", KEY), b"", 2, "too many words"),
        (("home", "--auth"), b"", 2, "only image profiles have auth"),
        (("hom",), KEY.encode(), 3, 'no profile is called "hom". Did you mean "home"?'),
        (("box", "--chat"), KEY.encode(), 3, 'no profile is called "box"'),
    ],
)
async def test_what_is_wrong_changes_nothing(
    without: Program, args: tuple[str, ...], stdin: bytes, code: int, words: str
):
    before = without.config.read_bytes()
    done = await without.run("secret", "set", *args, stdin=stdin)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert KEY not in done.err
    assert (without.files(), without.config.read_bytes()) == ({}, before)


async def test_a_broken_profile_is_told_before_a_key_is_asked_for(without: Program):
    without.config.write_text(config('{ evn = "X" }'))
    done = await without.run("secret", "set", "home", stdin=KEY.encode())
    assert (done.code, without.files()) == (3, {})
    assert "expected a table with one of" in done.err


async def test_a_folder_that_cannot_be_written_to_is_told(without: Program):
    (without.home / "data").write_text("no folder")
    done = await without.run("secret", "set", "home", stdin=KEY.encode())
    assert (done.code, KEY in done.err) == (4, False)
    assert without.config.read_text() == config('{ env = "HOME_KEY" }')


async def test_a_name_that_is_both_has_to_be_said_in_full(without: Program):
    both = without.config.read_text().replace("profiles.box", "profiles.home")
    without.config.write_text(both)
    done = await without.run("secret", "set", "home", stdin=KEY.encode())
    assert (done.code, "--chat or --images" in done.err) == (2, True)
    done = await without.run("secret", "set", "home", "--images", stdin=KEY.encode())
    assert (done.code, kept(without, "images.home").exists()) == (0, True)
    done = await without.run("secret", "set", "home", "--chat", stdin=KEY.encode())
    assert (done.code, kept(without, "chat.home").exists()) == (0, True)


class TestTerminal:
    def opened(self, program: Program, *args: str) -> Terminal:
        return Terminal([*PLUMA, "secret", "set", "home", *args], program.env)

    def test_what_is_typed_is_not_shown(self, without: Program):
        with self.opened(without) as terminal:
            terminal.until('The api_key of "home":')
            terminal.send(f"{KEY}\r")
            assert terminal.wait() == 0
        assert KEY.encode() not in terminal.output
        assert kept(without, "chat.home").read_text() == f"{KEY}\n"

    def test_an_empty_line_moves_the_key_of_the_config(self, without: Program):
        write(without, f'"{KEY}"')
        with self.opened(without) as terminal:
            terminal.until("(empty: move the one in the config file):")
            terminal.send("\r")
            assert terminal.wait() == 0
        assert KEY.encode() not in terminal.output
        assert kept(without, "chat.home").read_text() == f"{KEY}\n"

    def test_interrupting_leaves_all_as_it_was(self, without: Program):
        with self.opened(without) as terminal:
            terminal.until("home")
            terminal.send("\x03")
            assert terminal.wait() == 130
        assert without.files() == {}
        assert without.config.read_text() == config('{ env = "HOME_KEY" }')


class TestDelete:
    async def test_the_key_and_its_reference_go(self, with_keyring: Program):
        for more in ((), ("--file",)):
            write(with_keyring)
            await with_keyring.run("secret", "set", "home", *more, stdin=KEY.encode())
            done = await with_keyring.run("secret", "delete", "home")
            assert (done.code, done.err) == (0, 'pluma: the api_key of "home" is deleted.\n')
            assert load(with_keyring.config, {}).config.chat.profiles["home"].api_key is None
            assert "# mine" in with_keyring.config.read_text()
            assert all(KEY.encode() not in data for data in with_keyring.files().values())

    async def test_a_key_that_is_gone_already_is_no_problem(self, without: Program):
        await without.run("secret", "set", "home", stdin=KEY.encode())
        kept(without, "chat.home").unlink()
        assert (await without.run("secret", "delete", "home")).code == 0
        done = await without.run("secret", "delete", "home")
        assert (done.code, done.err) == (0, 'pluma: "home" has no api_key.\n')

    async def test_a_copy_of_the_profile_keeps_its_key(self, without: Program):
        await without.run("secret", "set", "home", stdin=KEY.encode())
        await without.run("profile", "copy", "home", "second")
        done = await without.run("secret", "delete", "home")
        assert (done.code, "another profile goes on using it" in done.err) == (0, True)
        assert (await without.run("secret", "check", "second")).code == 0
        assert (await without.run("secret", "delete", "second")).code == 0
        assert not kept(without, "chat.home").exists()

    @pytest.mark.parametrize(
        ("key", "words"),
        [
            ('{ env = "HOME_KEY" }', "comes from env:HOME_KEY"),
            ('{ file = "~/mine" }', "comes from file:~/mine"),
            ('{ keyring = "work/ann" }', "comes from keyring:work/ann"),
            (f'"{KEY}"', "stands in the config file"),
        ],
    )
    async def test_what_pluma_did_not_put_there_stays(self, without: Program, key: str, words: str):
        write(without, key)
        (without.home / "mine").write_text(KEY)
        done = await without.run("secret", "delete", "home")
        assert (done.code, words in done.err, KEY in done.err) == (2, True, False)
        assert "pluma config unset chat.profiles.home.api_key" in done.err
        assert without.config.read_text() == config(key)
        assert (without.home / "mine").exists()


class TestCheck:
    async def test_every_key_is_fetched_and_none_is_shown(self, without: Program):
        done = await without.run("secret", "check", HOME_KEY=KEY)
        assert done.code == 0
        assert [" ".join(line.split()) for line in done.out.splitlines()] == [
            "chat home api_key env:HOME_KEY fetched",
            "images box api_key - no key",
            "images box auth (hidden) stands in the config file. To move it: pluma secret set box --auth",
        ]

    async def test_json_is_for_programs(self, without: Program):
        done = await without.run("secret", "check", "--json")
        assert done.code == 4
        assert done.json[0] == {
            "section": "chat",
            "profile": "home",
            "key": "api_key",
            "source": "env",
            "reference": "env:HOME_KEY",
            "ok": False,
            "message": "the variable HOME_KEY is not set",
            "hint": "export HOME_KEY=...",
        }
        assert [(row["profile"], row["key"], row["ok"]) for row in done.json[1:]] == [
            ("box", "api_key", True),
            ("box", "auth", True),
        ]

    async def test_one_profile_alone(self, without: Program):
        done = await without.run("secret", "check", "box", "--auth", "--json")
        assert (done.code, [row["source"] for row in done.json]) == (0, ["config"])

    async def test_a_command_that_is_offered_works(self, without: Program):
        both = config(f'"{KEY}"').replace("profiles.box", "profiles.home")
        without.config.write_text(both)
        rows = (await without.run("secret", "check", "--json")).json
        for row in rows:
            if row["source"] == "config":
                command = row["hint"].removeprefix("To move it: pluma ").split()
                assert (await without.run(*command)).code == 0
        assert KEY not in without.config.read_text()
        assert "ann:pw" not in without.config.read_text()
        assert kept(without, "chat.home").read_text() == f"{KEY}\n"

    async def test_what_is_broken_is_told_and_the_rest_is_checked(self, without: Program):
        write(without, '{ evn = "X" }')
        done = await without.run("secret", "check")
        assert (done.code, "chat.profiles.home.api_key" in done.err) == (3, True)
        assert "box" in done.out

    async def test_nothing_configured_is_said(self, program: Program):
        done = await program.run("secret", "check")
        assert (done.code, done.out, done.err) == (0, "", "pluma: no profile is configured.\n")


@pytest.mark.parametrize(
    "debug", [{}, {"PYTHONASYNCIODEBUG": "1", "PYTHONFAULTHANDLER": "1", "PYTHONDEVMODE": "1"}]
)
async def test_no_output_and_no_file_tells(with_keyring: Program, debug: dict[str, str]):
    """All the ways of `pluma secret`, grepped; Python's debugging aids print values that others do not."""
    program, said = with_keyring, ""
    program.env |= debug
    for args, stdin in (
        (("secret", "set", "home"), KEY), (("secret", "check"), ""), (("secret", "check", "--json"), ""),
        (("secret", "set", "home", "--file"), KEY), (("secret", "check", "home"), ""), (("doctor",), ""),
        (("config", "list"), ""), (("profile", "show", "home"), ""), (("ask", "hi"), ""),
        (("secret", "delete", "home"), ""),
    ):  # fmt: skip
        done = await program.run(*args, stdin=stdin.encode())
        assert "Traceback" not in done.err, (args, done.err)
        said += done.out + done.err
        told = {name for name, data in program.files().items() if KEY.encode() in data}
        assert told <= {"keyring.json", "data/secrets/chat.home"}
    assert KEY not in said + program.config.read_text()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc on this system")
async def test_no_process_list_shows_it(without: Program):
    await without.run("secret", "set", "home", stdin=KEY.encode())
    async with replay(Play(answer(whole("hello")), silent=True)) as server:
        text = without.config.read_text().replace("http://127.0.0.1:1", server.url)
        without.config.write_text(text.replace('compat = "openai"', 'compat = "openai"\nmodel = "m"'))
        async with without.started("ask", "hi") as process:
            assert process.stdout is not None
            assert await process.stdout.readexactly(5) == b"hello"
            shown = [command_line(path) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert any(b"pluma_tui" in line for line in shown)
    assert [line for line in shown if KEY.encode() in line] == []


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


async def test_the_keys_file_is_the_one_that_the_reference_names(without: Program):
    await without.run("secret", "set", "home", stdin=KEY.encode())
    ref = load(without.config, {}).config.chat.profiles["home"].api_key
    assert ref == SecretRef("file", "~/data/secrets/chat.home")
