"""Who a conversation talks to: profiles, the active one, and the fallback of this run."""

from pathlib import Path

import pytest

from pluma_tui import providers
from pluma_tui.core.errors import ConfigError, UnknownConversation, UnknownPlugin
from pluma_tui.core.profile import ConnectionProfile, ImageProfile, SecretRef
from pluma_tui.providers.base import ProviderPlugin
from pluma_tui.runtime.connections import Clients, ConnectionManager, ImageConnectionManager
from pluma_tui.runtime.turns import Question
from pluma_tui.runtime.wiring import Options, Runtime, open_runtime
from pluma_tui.storage.memory import MemoryStore
from tests.runtime.scripted import DONE, bench, no_secret

HOME = """
[chat.profiles.home]
compat = "openai"
base_url = "http://127.0.0.1:1/v1"
model = "mine"
api_key = { env = "HOME_KEY" }
[chat.profiles.away]
compat = "openai"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def opened(config: Path, text: str, options: dict | None = None, **environ: str) -> Runtime:
    config.write_text(text)
    return open_runtime(Options(config=str(config), **options or {}), environ)


class TestFallback:
    def test_the_environment_makes_one_with_nothing_configured(self, config: Path):
        runtime = opened(
            config, "", PLUMA_BASE_URL="http://a:1", PLUMA_MODEL="m", PLUMA_API_KEY="k", PLUMA_COMPAT="mine"
        )
        assert runtime.connections.active() == ConnectionProfile(
            name="fallback",
            compat="mine",
            base_url="http://a:1",
            model="m",
            api_key=SecretRef("env", "PLUMA_API_KEY"),
        )

    def test_it_speaks_openai_without_a_key_unless_told_otherwise(self, config: Path):
        active = opened(config, "", PLUMA_BASE_URL="http://a:1").connections.active()
        assert active == ConnectionProfile(name="fallback", compat="openai", base_url="http://a:1")

    @pytest.mark.parametrize("text", [HOME, "[chat.profiles.home]\ncompat = 5\n", "= no toml"])
    def test_the_environment_is_ignored_with_profiles_configured_good_or_broken(
        self, config: Path, text: str
    ):
        runtime = opened(config, text, PLUMA_BASE_URL="http://a:1", PLUMA_MODEL="m", PLUMA_API_KEY="k")
        assert "fallback" not in runtime.connections.names()

    def test_image_profiles_are_no_chat_profiles(self, config: Path):
        text = "[images.profiles.box]\nkind = 'a1111'\n"
        runtime = opened(config, text, PLUMA_BASE_URL="http://a:1")
        assert runtime.connections.names() == ["fallback"]
        assert runtime.images.names() == ["box"]

    @pytest.mark.parametrize("text", ["", HOME, "= no toml"])
    def test_the_flag_wins_over_everything_and_never_brings_a_configured_key(self, config: Path, text: str):
        runtime = opened(
            config, text, {"base_url": "http://flag:1"}, HOME_KEY="k", PLUMA_BASE_URL="http://a:1"
        )
        active = runtime.connections.active()
        assert active == ConnectionProfile(name="fallback", compat="openai", base_url="http://flag:1")
        assert runtime.named == "fallback"

    def test_the_flags_key_is_that_of_the_environment_or_of_its_own_flag(self, config: Path):
        flags = {"base_url": "http://flag:1"}
        active = opened(config, HOME, flags, PLUMA_API_KEY="k").connections.active()
        assert active is not None
        assert active.api_key == SecretRef("env", "PLUMA_API_KEY")
        flags["api_key_env"] = "OTHER"
        active = opened(config, HOME, flags, PLUMA_API_KEY="k").connections.active()
        assert active is not None
        assert active.api_key == SecretRef("env", "OTHER")

    def test_the_flag_wins_over_a_profile_that_is_named_beside_it(self, config: Path):
        runtime = opened(config, HOME, {"base_url": "http://flag:1", "profile": "home"})
        assert runtime.connections.profile().base_url == "http://flag:1"

    def test_nothing_at_all_says_what_to_do(self, config: Path):
        connections = opened(config, "").connections
        assert connections.active() is None
        with pytest.raises(ConfigError, match="no chat server is configured") as error:
            connections.provider()
        assert "--base-url" in error.value.hint
        assert "pluma local install" in error.value.hint

    def test_no_image_server_is_told_too(self, config: Path):
        with pytest.raises(ConfigError, match="no image server is configured"):
            opened(config, HOME).images.provider()


class TestProfiles:
    def test_the_first_is_active_unless_one_is_named(self, config: Path):
        assert opened(config, HOME).connections.profile().name == "home"
        assert opened(config, "chat.active = 'away'\n" + HOME).connections.profile().name == "away"
        assert opened(config, HOME, PLUMA_CHAT_ACTIVE="away").connections.profile().name == "away"

    def test_use_changes_it_in_mid_run(self, config: Path):
        connections = opened(config, HOME).connections
        connections.use("away")
        assert connections.profile().name == "away"
        with pytest.raises(ConfigError):
            connections.use("nowhere")
        assert connections.profile().name == "away"

    def test_a_profile_named_on_the_command_line_is_used(self, config: Path):
        runtime = opened(config, HOME, {"profile": "away"})
        assert (runtime.connections.profile().name, runtime.named) == ("away", "away")
        with pytest.raises(ConfigError, match='no profile is called "awa"') as error:
            opened(config, HOME, {"profile": "awa"})
        assert error.value.hint == 'Did you mean "away"?'

    def test_one_that_is_not_near_any_lists_them(self, config: Path):
        with pytest.raises(ConfigError) as error:
            opened(config, HOME).connections.profile("zzz")
        assert error.value.hint == "Defined: home, away."

    @pytest.mark.parametrize("name", ["home", "my.box"])
    def test_a_broken_one_says_what_is_wrong_with_it(self, config: Path, name: str):
        connections = opened(
            config, f"chat.active = '{name}'\n[chat.profiles.'{name}']\ncompat = 5\n"
        ).connections
        for wanted in (None, name):
            with pytest.raises(ConfigError, match="compat: expected a string") as error:
                connections.profile(wanted)
            assert error.value.line == 3

    def test_a_broken_one_does_not_take_the_good_ones_along(self, config: Path):
        connections = opened(config, HOME + "timeout = 'x'\n").connections
        assert connections.profile().name == "home"
        with pytest.raises(ConfigError, match="timeout"):
            connections.profile("away")

    def test_with_only_broken_ones_the_first_is_told(self, config: Path):
        with pytest.raises(ConfigError, match="compat: expected a string"):
            opened(config, "[chat.profiles.home]\ncompat = 5\n").connections.provider()

    def test_a_file_that_is_no_toml_is_told(self, config: Path):
        with pytest.raises(ConfigError, match="not valid TOML"):
            opened(config, "= no toml").connections.provider()

    def test_an_active_one_that_is_not_there_is_told(self, config: Path):
        with pytest.raises(ConfigError, match='no profile is called "hom"'):
            opened(config, "chat.active = 'hom'\n" + HOME).connections.provider()

    def test_one_that_is_found_at_run_time_becomes_active_if_there_is_none(self, config: Path):
        connections = opened(config, "").connections
        connections.add(ConnectionProfile(name="found", compat="openai"))
        connections.add(ConnectionProfile(name="other", compat="openai"))
        assert connections.profile().name == "found"

    def test_an_unknown_compat_is_told_with_what_is_near(self):
        profile = ConnectionProfile(name="a", compat="opnai")
        with pytest.raises(UnknownPlugin) as error:
            ConnectionManager({"a": profile}, clients=Clients(no_secret)).provider()
        assert error.value.hint == 'Did you mean "openai"?'

    def test_an_unknown_kind_is_told(self):
        images = ImageConnectionManager({"a": ImageProfile(name="a", kind="zzz")}, clients=Clients(no_secret))
        with pytest.raises(UnknownPlugin, match='no image provider is called "zzz"'):
            images.provider()


async def test_providers_of_one_run_share_their_connections():
    clients = Clients(no_secret)
    made = []
    providers.register_provider("scripted", lambda profile, client: made.append(client))
    profiles = {
        n: ConnectionProfile(name=n, compat="scripted", base_url=f"http://localhost:{n}") for n in ("1", "2")
    }
    connections = ConnectionManager(profiles, clients=clients)
    connections.provider("1")
    connections.provider("2")
    assert [str(client.base_url) for client in made] == ["http://localhost:1", "http://localhost:2"]
    assert len(clients.pool()._transports) == 1
    await clients.aclose()


async def test_what_a_provider_keeps_is_closed_once():
    closed = []

    async def close() -> None:
        closed.append(1)

    plugin = ProviderPlugin("kept", "", lambda *_: bench(MemoryStore()).script, close=close)
    providers.register_provider("kept", plugin)
    profile = ConnectionProfile(name="a", compat="kept", base_url="http://localhost:1")
    connections = ConnectionManager({"a": profile}, clients=Clients(no_secret))
    await connections.aclose()
    assert closed == []
    connections.provider()
    connections.provider()
    await connections.aclose()
    await connections.aclose()
    assert closed == [1]


class TestRuntime:
    async def test_everything_is_stored_when_it_closes(self, config: Path, tmp_path: Path):
        at = bench(MemoryStore())
        text = "[chat.profiles.home]\ncompat = 'scripted'\nbase_url = 'http://localhost:1'\nmodel = 'm'\n"
        runtime = opened(config, text, {"data_dir": str(tmp_path / "data")})
        turn = await runtime.turns.begin(Question("hi"))
        await runtime.aclose()
        assert turn.done
        again = opened(config, text, {"data_dir": str(tmp_path / "data")})
        path = await again.store.path((await again.find("last")).id)
        assert [message.ending for message in path] == [None, "stopped"]
        await again.aclose()
        assert at.script.requests == []

    async def test_what_is_not_saved_may_go_on_from_what_is(self, config: Path, tmp_path: Path):
        at = bench(MemoryStore())
        text = "[chat.profiles.home]\ncompat = 'scripted'\nbase_url = 'http://localhost:1'\nmodel = 'm'\n"
        data = {"data_dir": str(tmp_path / "data")}
        saving = opened(config, text, data)
        at.script.say(DONE, DONE)
        first = await saving.turns.begin(Question("hi"))
        await first.wait()
        await saving.aclose()
        forgetful = opened(config, text, {**data, "save": False})
        found = await forgetful.find("last")
        turn = await forgetful.turns.begin(Question("hi", conversation=found.id))
        await turn.wait()
        assert len(await forgetful.store.tree(found.id)) == 4
        assert len(await forgetful.kept.tree(found.id)) == 2
        with pytest.raises(UnknownConversation):
            await forgetful.find("zzz")
        await forgetful.aclose()

    def test_a_store_that_is_none_is_told(self, config: Path):
        with pytest.raises(ConfigError, match=r"storage\.url") as error:
            opened(config, "[storage]\nurl = 'mysql://me:secret@host/db'\n")
        assert "secret" not in error.value.message
