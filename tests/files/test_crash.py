"""A bug's report says where, and nothing of what was said."""

from pathlib import Path

from pluma_tui.files import crash


def fail(text: str) -> None:
    secret = "sk-in-a-variable"  # noqa: F841
    try:
        raise KeyError(text)
    except KeyError as error:
        raise RuntimeError(f"while saying {text}") from error


def test_a_report_names_the_frames_and_repeats_no_word(tmp_path: Path):
    log = tmp_path / "state" / "pluma.log"
    try:
        fail("my private words")
    except RuntimeError as error:
        line = crash.keep(error, log)
    written = log.read_text()
    assert "RuntimeError" in line
    assert "test_crash.py" in written
    assert "builtins.KeyError" in written
    for word in ("private", "sk-in-a-variable", "while saying"):
        assert word not in written + line
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_written_is_no_second_failure(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert "could not be written" in crash.keep(ValueError("x"), tmp_path / "file" / "pluma.log")
