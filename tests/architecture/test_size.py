"""Rooms that must stay small enough to be read."""

from pathlib import Path

import pluma_tui

PROVIDERS = Path(pluma_tui.__file__).with_name("providers")


def test_the_provider_layer_can_be_read_in_an_afternoon() -> None:
    lines = {file.name: len(file.read_text("utf-8").splitlines()) for file in PROVIDERS.glob("*.py")}
    assert sum(lines.values()) < 3000
    assert max(lines.values()) <= 450
