"""Who may import whom: the contracts in pyproject.toml, and what is loaded when a command runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOMLKIT, HTTP, APP, STORE, PIL = "tomlkit", "httpx", "textual", "sqlite3", "PIL"
FACES = {APP, "rich", "pygments", "markdown_it"}

RUN = "import sys\nfrom pluma_tui.cli.main import main\nmain({args!r})"
TELL = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(list(sys.modules)), file=sys.stderr))
"""
OPEN = """
from pluma_tui.runtime.wiring import Options, open_runtime
runtime = open_runtime(Options())
assert runtime.connections.active().name == "home"
"""


@pytest.fixture
def config(home: Path) -> Path:
    path = home / "config.toml"
    path.write_text(
        "[chat.profiles.home]\ncompat = 'openai'\nbase_url = 'http://127.0.0.1:1'\nmodel = 'm'\n"
        "[images.profiles.box]\nkind = 'a1111'\nbase_url = 'http://127.0.0.1:1'\n"
    )
    return path


def loaded(config: Path, code: str) -> set[str]:
    """The modules that a fresh Python has loaded after running `code`, whatever its exit."""
    env = {"HOME": str(config.parent), "PLUMA_CONFIG": str(config), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", TELL + code], env=env, cwd=ROOT, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_the_contracts_are_kept():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_package_is_its_version_and_nothing_else(config: Path):
    more = loaded(config, "import pluma_tui") - loaded(config, "")
    assert more == {"pluma_tui"}


# httpx brings rich and pygments along where click is installed, as it is with the dev extra.
@pytest.mark.parametrize(
    ("command", "not_loaded"),
    [
        ("--version", {TOMLKIT, HTTP, STORE, "msgspec", "platformdirs", "asyncio", *FACES}),
        ("--help", {TOMLKIT, HTTP, STORE, "msgspec", "platformdirs", "asyncio", *FACES}),
        ("ask --help", {TOMLKIT, HTTP, STORE, *FACES}),
        ("config get ui.theme", {TOMLKIT, HTTP, STORE, *FACES}),
        ("config list --json", {HTTP, STORE, *FACES}),
        ("config set ui.theme x", {HTTP, STORE, *FACES}),
        ("profile list --json", {TOMLKIT, HTTP, STORE, *FACES}),
        ("history list", {TOMLKIT, HTTP, *FACES}),
        ("local list", {TOMLKIT, HTTP, STORE, *FACES}),
        ("providers --json", {TOMLKIT, STORE, APP}),
        ("ask", {TOMLKIT, HTTP, STORE, *FACES}),
        ("ask hi", {TOMLKIT, APP}),
        ("models", {TOMLKIT, STORE, APP}),
        ("image --help", {TOMLKIT, HTTP, STORE, PIL, *FACES}),
        ("image hi", {TOMLKIT, STORE, PIL, APP}),
        ("checkpoints --help", {TOMLKIT, HTTP, STORE, PIL, *FACES}),
        ("checkpoints", {TOMLKIT, STORE, PIL, APP}),
        ("workflow list --json", {TOMLKIT, HTTP, STORE, PIL, *FACES}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_command_loads_what_it_needs(config: Path, command: str, not_loaded: set[str]):
    assert loaded(config, RUN.format(args=command.split())) & not_loaded == set()


def test_opening_the_runtime_loads_no_http_no_database_and_no_toml_writer(config: Path):
    assert loaded(config, OPEN) & {TOMLKIT, HTTP, STORE, *FACES} == set()


def test_a_good_config_is_read_without_tomlkit_and_a_bad_one_with_it(config: Path):
    read = f"from pathlib import Path\nfrom pluma_tui.config.read import load\nload(Path({str(config)!r}))"
    assert loaded(config, read) & {TOMLKIT, HTTP, STORE, *FACES} == set()
    config.write_text("typo = 1")
    assert TOMLKIT in loaded(config, read)


def test_names_of_providers_load_none(config: Path):
    names = "from pluma_tui import imaging, providers\nproviders.registry.names(), imaging.registry.names()"
    modules = loaded(config, names)
    assert not {name for name in modules if name.startswith(("pluma_tui.providers.", "pluma_tui.imaging."))}
    assert HTTP not in modules
