"""`pluma profile`: profiles from the shell."""

import tomllib

import pytest

from tests.cli.program import Program
from tests.servers.llamacpp import LlamaServer

FILE = """\
[chat]
active = "home" # for now

# the box in the corner
[chat.profiles.home] # mine
compat = "openai"
base_url = "http://127.0.0.1:9"
images = "box"

[chat.profiles.home.sampling]
seed = 3 # always

[chat.profiles.both]
compat = "openai"

[images.profiles.box]
kind = "a1111"
[images.profiles.both]
kind = "comfy"
"""


@pytest.fixture
def filled(program: Program) -> Program:
    program.config.write_text(FILE)
    program.config.chmod(0o600)
    return program


def document(program: Program) -> dict:
    return tomllib.loads(program.config.read_text())


async def test_list_shows_all_and_marks_the_active_one(filled: Program):
    rows = (await filled.run("profile", "list", "--json")).json
    assert [(row["name"], row["type"], row["provider"], row["active"]) for row in rows] == [
        ("home", "chat", "openai", True),
        ("both", "chat", "openai", False),
        ("box", "image", "a1111", True),
        ("both", "image", "comfy", False),
    ]
    assert "home" in (await filled.run("profile", "list")).out
    assert "is defined" in (await filled.run("profile", "list", PLUMA_CONFIG="none.toml")).err


async def test_show_prints_what_holds(filled: Program):
    done = await filled.run("profile", "show", "home")
    assert 'base_url = "http://127.0.0.1:9"' in done.out.splitlines()
    assert "sampling = { seed = 3 }" in done.out.splitlines()
    assert (await filled.run("profile", "show", "home", "--json")).json["timeout"] == 60.0


async def test_add_takes_what_was_said(filled: Program):
    done = await filled.run(
        "profile", "add", "new", "--compat", "openai", "--base-url", "http://x:1", "--model", "m",
        "--api-key-env", "KEY", "--set", "sampling.temperature=0.5", "--set", "timeout=5", "--use",
    )  # fmt: skip
    assert (done.code, done.out, done.err) == (0, "", "")
    assert document(filled)["chat"]["profiles"]["new"] == {
        "compat": "openai",
        "base_url": "http://x:1",
        "model": "m",
        "api_key": {"env": "KEY"},
        "timeout": 5,
        "sampling": {"temperature": 0.5},
    }
    assert filled.config.read_text().startswith(FILE.replace('"home" #', '"new" #'))


async def test_add_with_a_kind_makes_an_image_profile(filled: Program):
    await filled.run("profile", "add", "new", "--kind", "comfy", "--base-url", "http://x:1")
    assert document(filled)["images"]["profiles"]["new"] == {"kind": "comfy", "base_url": "http://x:1"}


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["add"], 2, "needs a name"),
        (["add", "home"], 3, "is there already"),
        (["add", "a b"], 3, "is not a name"),
        (["add", "n", "--set", "tiemout=5"], 3, 'Did you mean "timeout"?'),
        (["add", "n", "--set", "timeout=soon"], 3, "a number"),
        (["add", "n", "--compat", "x", "--kind", "y"], 2, "not allowed with"),
        (["show", "nobody"], 3, "no profile is called"),
        (["set", "home", "modle", "x"], 3, 'Did you mean "model"?'),
        (["use", "both"], 2, "--chat or --images"),
        (["rename", "home", "both"], 3, "is there already"),
        (["copy", "home", "a/b"], 3, "is not a name"),
        (["remove", "hoem"], 3, 'Did you mean "home"?'),
    ],
)
async def test_what_cannot_be_done_is_told_and_changes_nothing(
    filled: Program, args: list[str], code: int, words: str
):
    done = await filled.run("profile", *args)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert filled.config.read_text() == FILE


async def test_set_and_unset_change_one_key(filled: Program):
    await filled.run("profile", "set", "home", "sampling.seed", "4")
    assert "seed = 4 # always" in filled.config.read_text()
    await filled.run("profile", "set", "both", "workflow", "flux", "--images")
    assert document(filled)["images"]["profiles"]["both"]["workflow"] == "flux"
    await filled.run("profile", "unset", "home", "sampling.seed")
    assert "seed" not in filled.config.read_text()


async def test_use_names_the_active_one(filled: Program):
    await filled.run("profile", "use", "both", "--chat")
    assert 'active = "both" # for now' in filled.config.read_text()


async def test_rename_changes_the_name_wherever_it_stands_and_nothing_else(filled: Program):
    await filled.run("profile", "rename", "home", "corner.box")
    renamed = FILE.replace("profiles.home", 'profiles."corner.box"').replace('"home" #', '"corner.box" #')
    assert filled.config.read_text() == renamed
    await filled.run("profile", "rename", "box", "paint")
    assert filled.config.read_text() == renamed.replace("profiles.box]", "profiles.paint]").replace(
        'images = "box"', 'images = "paint"'
    )


@pytest.mark.parametrize(
    "text",
    [
        "chat.profiles.home.compat = 'openai'\nchat.active = 'home'\n",
        "[chat]\nactive = 'home'\nprofiles.home = { compat = 'openai', model = 'm' }\n",
        "[chat.profiles]\nhome.compat = 'openai'\n",
        "[ chat . 'profiles' . \"home\" ]\ncompat = 'openai'\n",
    ],
)
async def test_rename_and_remove_work_in_every_form_of_the_file(program: Program, text: str):
    program.config.write_text(text)
    before = document(program)["chat"]["profiles"]["home"]
    assert (await program.run("profile", "rename", "home", "other")).err == ""
    assert document(program)["chat"]["profiles"] == {"other": before}
    assert document(program)["chat"].get("active", "other") == "other"
    assert (await program.run("profile", "remove", "other")).err == ""
    assert not document(program).get("chat", {}).get("profiles")
    assert "active" not in document(program).get("chat", {})


async def test_copy_has_all_that_the_first_has(filled: Program):
    await filled.run("profile", "copy", "home", "twin")
    profiles = document(filled)["chat"]["profiles"]
    assert profiles["twin"] == profiles["home"]


async def test_remove_takes_it_out_and_names_no_active_one(filled: Program):
    await filled.run("profile", "remove", "home")
    assert "home" not in document(filled)["chat"]["profiles"]
    assert "active" not in document(filled)["chat"]
    assert "# the box in the corner" in filled.config.read_text()


async def test_test_tells_each_step(filled: Program, llama: LlamaServer):
    filled.configure(llama.url)
    done = await filled.run("profile", "test", "home", HOME_KEY=llama.key)
    assert done.code == 0
    assert [line.split()[1] for line in done.out.splitlines() if line[0] in "✓✗-"] == [
        "address", "tls", "key", "models", "answer",
    ]  # fmt: skip
    wrong = await filled.run("profile", "test", "home", "--json", HOME_KEY="sk-wrong")
    assert wrong.code == 4
    assert [step["state"] for step in wrong.json] == ["ok", "skipped", "failed", "skipped", "skipped"]
    assert "sk-wrong" not in wrong.out + wrong.err
