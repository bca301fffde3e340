"""What is good loads; what is not is told with its line, and its default stands."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.config.read import Loaded, load, parse
from pluma_tui.config.schema import Config
from pluma_tui.core.profile import SecretRef

FILE = Path("/etc/pluma/config.toml")
HOME = '[chat.profiles.home]\ncompat = "openai"\n'


def read(text: str, **environ: str) -> Loaded:
    return parse(FILE, text, environ)


def told(loaded: Loaded) -> list[str]:
    """The problems as people read them, without the file's name; "@" is chat.profiles.home."""
    lines = (problem.text(loaded.path) for problem in loaded.problems)
    return [line.removeprefix(f"{FILE}:").replace("chat.profiles.home", "@") for line in lines]


def test_no_file_means_the_defaults_and_no_problem(tmp_path: Path):
    loaded = load(tmp_path / "none.toml", {})
    assert (loaded.config, loaded.problems, loaded.writable) == (Config(), (), True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "1: x: is not a setting"),
        ("uii = 1", '1: uii: is not a setting. Did you mean "ui"?'),
        ("\n[ui]\nmuse = true", '3: ui.muse: is not a setting. Did you mean "mouse"?'),
        (HOME + 'base_ulr = "x"', '3: @.base_ulr: is not a setting. Did you mean "base_url"?'),
        (HOME + "sampling.top_q = 1", '3: @.sampling.top_q: is not a setting. Did you mean "top_p"?'),
        ('[keys]\n"chat.sned" = "x"', '2: keys."chat.sned": is not an action. Did you mean "chat.send"?'),
    ],
)  # fmt: skip
def test_an_unknown_key_is_a_warning_with_its_line(text: str, words: str):
    loaded = read(text)
    assert told(loaded) == [words]
    assert loaded.problems[0].severity == "warning"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = 2", "1: schema: this pluma reads schema 1, the file says 2"),
        ("chat = 5", "1: chat: must be a table"),
        ("keys = 5", "1: keys: must be a table"),
        ("[ui]\nmouse = 'yes'", "2: ui.mouse: expected true or false, got a string"),
        ("[ui]\nframe_rate = 0", "2: ui.frame_rate: expected a whole number >= 1"),
        ("[ui]\nframe_rate = 1.5", "2: ui.frame_rate: expected a whole number, got a number"),
        ("[ui]\nreasoning = 'fold'",
         '2: ui.reasoning: must be one of folded, shown, hidden. Did you mean "folded"?'),
        ("[chat]\nactive = 1", "2: chat.active: expected a string, got a whole number"),
        ("[chat]\nprofiles = 1", "2: chat.profiles: must be a table of profiles"),
        ("[chat.profiles]\nhome = 1", "2: @: must be a table"),
        ("[chat.profiles.'a b']\ncompat = 'openai'",
         "1: chat.profiles.\"a b\": is not a name for a profile. "
         "Letters, digits, '-', '_' and '.' make a name."),
        ("[chat.profiles.home]\nmodel = 'm'",
         '1: @: says no compat: which provider talks to this server? For example compat = "openai".'),
        ("[chat.profiles.home]\ncompat = 5", "2: @.compat: expected a string, got a whole number"),
        ("[images.profiles.box]\nsteps = 5",
         '1: images.profiles.box: says no kind: which provider talks to this server? '
         'For example kind = "a1111".'),
        (HOME + "timeout = 'x'", "3: @.timeout: expected a number, got a string"),
        (HOME + "timeout = -1", "3: @.timeout: expected a number >= 0.0"),
        (HOME + "connect_timeout = nan", "3: @.connect_timeout: expected a number >= 0.0"),
        (HOME + "headers = { A = 5 }", "3: @.headers: expected a string, got a whole number"),
        (HOME + "sampling = 3", "3: @.sampling: expected a table, got a whole number"),
        (HOME + "[chat.profiles.home.sampling]\nseed = 'x'",
         "4: @.sampling.seed: expected a whole number, got a string"),
        ("[chat.profiles.'my.box']\ncompat = 'openai'\nmodel = 1",
         '3: chat.profiles."my.box".model: expected a string, got a whole number'),
        ("[keys]\nchat.send = 'enter'\nchat.stop = 5", "3: keys.chat.stop: must be a key or a list of keys"),
        ("[ui]\ntheme = 'a\u2028b\u0085'\n[chat]\nactive = 1",
         "4: chat.active: expected a string, got a whole number"),
        ("[chat]\nactive = 'hom'\n" + HOME,
         '2: chat.active: names the profile "hom", which is not there. Did you mean "home"?'),
        ("[chat]\nactive = 'zzz'\n" + HOME,
         '2: chat.active: names the profile "zzz", which is not there. Defined: home.'),
        ("[images]\ntemplate = '../x'",
         '2: images.template: "../x" is no path inside the folder. For example '
         '"{date}/{time}-{seed}-{slug}". The fields are date, time, seed, slug, profile.'),
        ("[images]\ntemplate = '{date}/{sedd}'",
         '2: images.template: there is no {sedd}. The fields are date, time, seed, slug, profile.'),
        ("[images]\nactive = 'zzz'",
         '2: images.active: names the profile "zzz", which is not there. Defined: none.'),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_an_error_with_its_line(text: str, words: str):
    loaded = read(text)
    assert told(loaded) == [words]
    assert loaded.problems[0].severity == "error"
    assert loaded.writable


def test_an_active_profile_that_is_broken_is_told_once():
    loaded = read("[chat]\nactive = 'home'\n[chat.profiles.home]\n")
    assert [problem.key for problem in loaded.problems] == ["chat.profiles.home"]


def test_the_app_starts_with_what_is_good():
    loaded = read(
        "[ui]\nmouse = 'no'\nframe_rate = 8\n[keys]\n'chat.send' = 'f5'\n'chat.stop' = 5\n"
        "[chat.profiles.bad]\ncompat = 1\n[chat.profiles.good]\ncompat = 'openai'\ntypo = 1\n"
    )
    assert len(loaded.problems) == 4
    assert (loaded.config.ui.mouse, loaded.config.ui.frame_rate) == (True, 8)
    assert loaded.config.keys == {"chat.send": "f5"}
    assert list(loaded.config.chat.profiles) == ["good"]
    assert loaded.config.chat.profiles["good"].name == "good"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 1\nb = \n", "2: not valid TOML: Invalid value"),
        ("a = 1\n\nb = 'x", '3: not valid TOML: Expected "\'"'),
        ("[chat]\n[ui]\n[chat]\n", "3: not valid TOML: Cannot declare ('chat',) twice"),
        ("a = 1\na = 2\n", "2: not valid TOML: Cannot overwrite a value"),
        ("\0", "1: not valid TOML: Invalid statement"),
    ],
)
def test_no_toml_means_the_defaults_and_nothing_is_written(text: str, words: str):
    loaded = read(text)
    assert told(loaded) == [f"{words}. Until it is mended, the defaults stand."]
    assert (loaded.config, loaded.writable) == (Config(), False)


def test_a_file_of_brackets_is_no_toml_either():
    loaded = read("a = " + "[" * 100_000)
    assert "nested too deeply" in told(loaded)[0]
    assert not loaded.writable


@given(st.text(alphabet="[]{}=.'\"\n#ab1 chatprofilesu", max_size=60) | st.text(max_size=40))
def test_no_text_makes_the_reader_fail(text: str):
    for problem in read(text + "\n").problems:
        assert problem.text(FILE)


def test_a_byte_that_is_no_utf8_is_told_with_its_line(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"# fine\n[ui]\ntheme = '\xff'\n")
    loaded = load(path, {})
    assert (loaded.problems[0].line, loaded.writable) == (3, False)
    assert "byte 0xff is not UTF-8" in loaded.problems[0].message


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[ui]\r\nmouse = false\r\ntypo = 1\r\n")
    loaded = load(path, {})
    assert loaded.config.ui.mouse is False
    assert [problem.line for problem in loaded.problems] == [3]


def test_a_folder_in_its_place_is_told(tmp_path: Path):
    loaded = load(tmp_path, {})
    assert (loaded.problems[0].message, loaded.writable) == ("cannot be read: Is a directory", False)


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    loaded = load(tmp_path / "config.toml", {})
    assert (loaded.problems[0].message, loaded.writable) == ("cannot be read: Permission denied", False)


class TestEnvironment:
    def test_a_variable_wins_over_the_file(self):
        loaded = read(
            "[ui]\nframe_rate = 8\nmouse = true\n", PLUMA_UI_FRAME_RATE="20", PLUMA_UI_MOUSE="false"
        )
        assert (loaded.config.ui.frame_rate, loaded.config.ui.mouse) == (20, False)

    @pytest.mark.parametrize(
        ("variable", "section", "key"),
        [
            ("PLUMA_CHAT_SYSTEM", "chat", "system"),
            ("PLUMA_IMAGES_DIRECTORY", "images", "directory"),
            ("PLUMA_STORAGE_URL", "storage", "url"),
            ("PLUMA_UI_THEME", "ui", "theme"),
        ],
    )
    def test_every_section_has_its_variables(self, variable: str, section: str, key: str):
        config = read("", **{variable: "5"}).config
        assert getattr(getattr(config, section), key) == "5"

    def test_a_bad_value_is_told_and_the_files_own_stands(self):
        loaded = read("[ui]\nframe_rate = 8\n", PLUMA_UI_FRAME_RATE="many")
        assert loaded.config.ui.frame_rate == 8
        assert told(loaded) == [
            " PLUMA_UI_FRAME_RATE: expected a whole number, got a string. It is set in the environment."
        ]

    def test_names_for_pictures_that_lead_out_of_their_folder_are_told(self):
        loaded = read("", PLUMA_IMAGES_TEMPLATE="/tmp/x")
        assert loaded.config.images.template == Config().images.template
        assert "no path inside the folder. It is set in the environment." in told(loaded)[0]

    def test_an_active_profile_that_nobody_defines_is_told(self):
        loaded = read(HOME, PLUMA_CHAT_ACTIVE="hom")
        assert 'names the profile "hom"' in told(loaded)[0]

    def test_the_variables_of_the_fallback_are_no_settings(self):
        loaded = read(
            "", PLUMA_BASE_URL="http://a", PLUMA_MODEL="m", PLUMA_API_KEY="k", PLUMA_COMPAT="openai"
        )
        assert (loaded.config, loaded.problems) == (Config(), ())


class TestSecrets:
    @pytest.mark.parametrize(
        ("toml", "ref"),
        [
            ('{ env = "NAME" }', SecretRef("env", "NAME")),
            ('"env:NAME"', SecretRef("env", "NAME")),
            ('{ file = "~/key" }', SecretRef("file", "~/key")),
            ('"file:/etc/key"', SecretRef("file", "/etc/key")),
            ('{ command = ["pass", "show", "x"], ttl = "1h" }',
             SecretRef("command", ("pass", "show", "x"), {"ttl": "1h"})),
            ('"command:pass show \'my key\'"', SecretRef("command", ("pass", "show", "my key"))),
            ('{ keyring = "service/user" }', SecretRef("keyring", "service/user")),
            ('{ pass = "path" }', SecretRef("pass", "path")),
            ('{ age = "file", identity = "other" }', SecretRef("age", "file", {"identity": "other"})),
            ('{ vault = "path#field" }', SecretRef("vault", "path#field")),
            ('"vault://path#field"', SecretRef("vault", "path#field")),
            ('{ op = "op://vault/item/field" }', SecretRef("op", "op://vault/item/field")),
            ('"op://vault/item/field"', SecretRef("op", "op://vault/item/field")),
            ('{ plugin = "name:ref" }', SecretRef("plugin", "name:ref")),
        ],
    )  # fmt: skip
    def test_a_reference_is_read_as_a_table_or_as_a_uri(self, toml: str, ref: SecretRef):
        loaded = read(f"{HOME}api_key = {toml}")
        assert loaded.problems == ()
        assert loaded.config.chat.profiles["home"].api_key == ref

    @pytest.mark.parametrize("toml", ['"sk-abc"', '"http://x:y"', '"env:"'])
    def test_any_other_string_is_the_key_itself_and_warned_of(self, toml: str):
        loaded = read(f"{HOME}api_key = {toml}")
        ref = loaded.config.chat.profiles["home"].api_key
        assert ref == SecretRef("literal", toml.strip('"'))
        (problem,) = loaded.problems
        assert (problem.severity, problem.line, problem.message) == ("warning", 3, "is the key itself")

    def test_an_empty_key_is_none(self):
        loaded = read(f'{HOME}api_key = ""')
        assert (loaded.config.chat.profiles["home"].api_key, loaded.problems) == (None, ())

    @pytest.mark.parametrize(
        ("toml", "words"),
        [
            ("5", 'expected a string or a table such as { env = "NAME" }'),
            ("{ env = 5 }", "env: expected a string"),
            ('{ env = "" }', "env: expected a string"),
            ('{ env = "A", file = "b" }', "expected a table with one of: env, file"),
            ('{ evn = "A" }', "expected a table with one of: env, file"),
            ('{ command = "pass show" }', 'command: expected a list such as ["pass", "show", "x"]'),
            ("{ command = [] }", 'command: expected a list such as ["pass", "show", "x"]'),
            ('{ command = ["a", 5] }', 'command: expected a list such as ["pass", "show", "x"]'),
            ('"command: "', 'command: expected words such as "command:pass show x"'),
            ('"command:pass \'x"', 'command: expected words such as "command:pass show x"'),
            ('{ file = "a\\u0000b" }', "file: holds a NUL character"),
            ('{ command = ["a\\u0000b"] }', "command: holds a NUL character"),
        ],
    )
    def test_a_reference_that_is_none_is_told(self, toml: str, words: str):
        loaded = read(f"{HOME}api_key = {toml}")
        assert words in told(loaded)[0]
        assert "home" not in loaded.config.chat.profiles

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
    def test_a_key_in_a_file_that_others_can_read_is_warned_of(self, tmp_path: Path, mode: int):
        path = tmp_path / "config.toml"
        path.write_text(f'{HOME}api_key = "sk-abc"')
        path.chmod(mode)
        *_, problem = load(path, {}).problems
        assert problem.severity == "warning"
        assert "can be read by others" in problem.message
        assert problem.hint == f"chmod 600 {path}"

    @pytest.mark.parametrize(("key", "mode"), [('"sk-abc"', 0o600), ('{ env = "A" }', 0o644)])
    def test_no_warning_where_nobody_can_read_it_or_there_is_nothing_to_read(
        self, tmp_path: Path, key: str, mode: int
    ):
        path = tmp_path / "config.toml"
        path.write_text(f"{HOME}api_key = {key}")
        path.chmod(mode)
        assert not any("others" in problem.message for problem in load(path, {}).problems)

    def test_no_problem_says_the_key(self, tmp_path: Path):
        path = tmp_path / "config.toml"
        path.write_text(
            '[chat.profiles.a]\ncompat = 5\napi_key = "sk-abc"\n'
            '[images.profiles.b]\nkind = "k"\nauth = "sk-abc:x"\n'
            '[chat.profiles.c]\napi_key = { command = "sk-abc" }\n'
        )
        path.chmod(0o644)
        loaded = load(path, {})
        assert len(loaded.problems) == 6
        assert "sk-abc" not in "".join(problem.text(path) for problem in loaded.problems)
        assert "sk-abc" not in repr(loaded)


def test_problem_with_finds_what_is_wrong_below_a_key():
    loaded = read(
        "[ui]\nmouse = 5\n[chat.profiles.'my.box']\ncompat = 5\n[chat.profiles.my]\ncompat = 'openai'\n"
    )
    assert (found := loaded.problem_with("chat", "profiles", "my.box"))
    assert found.line == 4
    assert loaded.problem_with("chat", "profiles", "my") is None
    assert loaded.problem_with("chat", "profiles") is found
    assert loaded.problem_with("storage") is None
    assert read("= nonsense").problem_with("storage") is not None
