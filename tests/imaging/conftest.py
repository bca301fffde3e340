"""Fixtures that tests of several image providers use."""

import pytest


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A1111's progress is asked for without a pause, for its scripted server needs no time."""
    from pluma_tui.imaging import a1111_job

    monkeypatch.setattr(a1111_job, "_EVERY", 0.001)
