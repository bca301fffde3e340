import subprocess
import sys

import pytest

from pluma_tui.core.errors import UnknownPlugin
from pluma_tui.core.registry import Registry


def test_names_import_nothing_until_one_is_asked_for():
    code = (
        "import sys; from pluma_tui.core.registry import Registry\n"
        "registry = Registry('thing', {'colour': 'colorsys:rgb_to_hsv', 'other': 'no.such.module:x'})\n"
        "assert registry.names() == ['colour', 'other']\n"
        "assert 'colorsys' not in sys.modules\n"
        "assert registry.load('colour').__name__ == 'rgb_to_hsv'\n"
        "assert 'colorsys' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_added_wins_over_what_is_built_in():
    registry = Registry[object]("thing", {"json": "json:dumps"})
    registry.add("mine", 1)
    registry.add("json", 2)
    assert (registry.names(), registry.load("mine"), registry.load("json")) == (["json", "mine"], 1, 2)
    assert registry.origin("json") == "registered"
    assert Registry[object]("thing", {"json": "json:dumps"}).origin("json") == "built-in"


def test_a_name_that_nobody_has_says_what_is_near_or_what_there_is():
    registry = Registry[object]("chat provider", {"openai": "a:b", "ollama": "a:b"})
    with pytest.raises(UnknownPlugin) as error:
        registry.load("opnai")
    assert error.value.message == 'no chat provider is called "opnai"'
    assert error.value.hint == 'Did you mean "openai"?'
    with pytest.raises(UnknownPlugin) as error:
        registry.load("zzz")
    assert error.value.hint == "Known: ollama, openai."
