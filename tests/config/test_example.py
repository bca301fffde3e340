"""config.example.toml is the documentation of the schema: it may neither lack a key nor invent one."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from pluma_tui.config.read import load
from pluma_tui.config.schema import PROFILES, SECTIONS
from pluma_tui.core.chat import Sampling
from pluma_tui.imaging import registry

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
FREE = {
    "active",
    "base_url",
    "api_key",
    "auth",
    "compat",
    "kind",
    "sampling",
}  # shown filled in, for the reader


def fields(kind: type) -> dict[str, object]:
    return {f.name: f.default for f in msgspec.structs.fields(kind) if f.name != "name"}


def uncommented() -> dict:
    text = EXAMPLE.read_text()
    return tomllib.loads(re.sub(r"(?m)^# (\w+ = )", r"\1", text))


def test_the_example_loads_without_a_problem():
    assert [p.text(EXAMPLE) for p in load(EXAMPLE, {}).problems] == []


def test_the_other_image_profiles_load_without_a_problem_too(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text().replace("\n#   ", "\n"))
    path.chmod(0o600)
    loaded = load(path, {})
    assert loaded.problems == ()
    assert {profile.kind for profile in loaded.config.images.profiles.values()} == set(registry.names())


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_of_a_section_is_shown_with_its_default(section):
    shown = uncommented()[section]
    known = fields(SECTIONS[section])
    assert set(shown) == set(known)
    for key, value in shown.items():
        if key not in FREE | {"profiles"}:
            assert value == known[key], f"{section}.{key}"


@pytest.mark.parametrize("section", PROFILES)
def test_every_setting_of_a_profile_is_shown_with_its_default(section):
    (shown,) = uncommented()[section]["profiles"].values()
    known = fields(PROFILES[section][0])
    assert set(shown) == set(known)
    for key, value in shown.items():
        if key not in FREE and known[key] is not msgspec.NODEFAULT and known[key] is not None and value != {}:
            assert value == known[key], f"{section}.profiles.{key}"


def test_every_sampling_key_is_shown():
    assert set(uncommented()["chat"]["profiles"]["home"]["sampling"]) == set(fields(Sampling))
