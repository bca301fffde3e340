"""`pluma image` and `pluma checkpoints`, with an image provider that plays a script."""

import asyncio
import contextlib
import json
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.cli.bar import Bar, clock
from pluma_tui.core.images import Progress, Queued
from tests.cli.program import Done, Program
from tests.imaging.annotated import A1111, annotated, text
from tests.imaging.pictures import png
from tests.servers.a1111 import a1111

ROOT = Path(__file__).parents[2]
ARGV = (sys.executable, "-m", "tests.cli.drawing_pluma")


@dataclass
class Studio:
    """A home with the profile "box", whose provider plays what `play` says."""

    program: Program
    home: Path

    def play(self, *lines: list[Any]) -> None:
        (self.home / "script").write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    def configure(self, more: str = "", *, images: str = "", name: str = "box") -> None:
        """`more` stands in the profile, `images` in the table above it."""
        folder, script = json.dumps(str(self.home / "pictures")), json.dumps(str(self.home / "script"))
        self.program.config.write_text(
            f"[images]\ndirectory = {folder}\n{images}\n"
            f'[images.profiles.{name}]\nkind = "played"\noptions = {{ script = {script} }}\n{more}\n'
        )

    async def run(self, *args: str | bytes | Path, stdin: bytes | None = None, **env: str) -> Done:
        return await self.program.run("image", *args, stdin=stdin, **env)

    def asked(self) -> dict[str, Any]:
        """The request that the provider got."""
        return json.loads((self.home / "script.asked").read_text())

    def was(self, word: str) -> bool:
        return (self.home / f"script.{word}").exists()

    def pictures(self) -> list[str]:
        folder = self.home / "pictures"
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))

    @contextlib.asynccontextmanager
    async def hanging(self, *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """The running command, once its job hangs."""
        async with self.program.started("image", "a cat", *args) as process:
            async with asyncio.timeout(20):
                while not self.was("hangs"):
                    await asyncio.sleep(0.01)
            yield process


@pytest.fixture
def studio(home: Path) -> Studio:
    studio = Studio(Program(home, ARGV), home)
    studio.program.env["PYTHONPATH"] = str(ROOT)
    studio.configure()
    studio.play(["ready", 7])
    return studio


def nothing_asked(studio: Studio) -> bool:
    return not studio.was("asked")


class TestOutput:
    async def test_the_path_goes_to_stdout_and_is_a_picture_with_its_making(self, studio: Studio):
        done = await studio.run("A cat, on a roof!")
        assert (done.code, done.err) == (0, "")
        path = Path(done.out.removesuffix("\n"))
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\d/\d{6}-7-a-cat-on-a-roof\.png", str(path.relative_to(studio.home / "pictures"))
        )
        assert path.read_bytes() == png(8, 13)
        assert path.stat().st_mode & 0o777 == 0o600
        beside = Path(f"{path}.json")
        assert json.loads(beside.read_bytes())["request"]["prompt"] == "A cat, on a roof!"
        assert beside.stat().st_mode & 0o777 == 0o600

    async def test_what_happens_is_told_in_few_lines_where_stderr_is_no_terminal(self, studio: Studio):
        steps = [["progress", n, 40] for n in range(41)]
        studio.play(
            ["queued", 2], ["queued", 2], ["queued", 1], *steps, ["notice", "slow\x1b[2J"], ["ready", 1]
        )
        done = await studio.run("a cat")
        assert done.err.splitlines() == [
            "pluma: 2 jobs before this one", "pluma: 1 job before this one", "pluma: step 10 of 40",
            "pluma: step 20 of 40", "pluma: step 30 of 40", "pluma: step 40 of 40", "pluma: slow",
        ]  # fmt: skip
        assert done.out.count("\n") == 1

    async def test_json_is_one_event_a_line_and_ends_in_finished(self, studio: Studio):
        studio.play(
            ["queued", 2], ["queued"], ["progress", 3, 20, 4.25], ["others", 1, 9], ["notice", "x"],
            ["ready", 1, None],
        )  # fmt: skip
        done = await studio.run("a cat", "--json", "-o", "cat.png")
        assert (done.code, done.err) == (0, "")
        first = {"path": str(studio.home / "cat.png"), "seed": 1, "width": 8, "height": 7}
        second = {"path": str(studio.home / "cat-2.png"), "seed": None, "width": 8, "height": 6}
        assert done.lines == [
            {"type": "queued", "position": 2},
            {"type": "queued", "position": None},
            {"type": "progress", "step": 3, "steps": 20, "eta": 4.25},
            {"type": "progress", "step": 1, "steps": 9, "eta": None, "own": False},
            {"type": "notice", "message": "x"},
            {"type": "image", **first},
            {"type": "image", **second},
            {"type": "finished", "ending": "complete", "images": [first, second]},
        ]

    async def test_on_a_terminal_there_is_a_bar_that_goes_away(self, studio: Studio):
        studio.play(["queued", 3], ["progress", 5, 20, 65.0], ["ready", 1])
        code, output = await studio.program.on_terminal("image", "a cat", "-o", "cat.png")
        assert code == 0
        shown = output.decode()
        assert "\r" in shown
        assert shown.endswith(f"\r\x1b[K{studio.home}/cat.png\r\n")

    async def test_whoever_stops_reading_is_no_error(self, studio: Studio):
        studio.play(["ready", *range(5)])
        command = shlex.join([*ARGV, "image", "a cat"])
        process = await asyncio.create_subprocess_shell(
            f"({command}; echo $? > code) | head -1", stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL, env=studio.program.env,
            cwd=studio.home,
        )  # fmt: skip
        out, err = await process.communicate()
        assert (out.count(b"\n"), err) == (1, b"")
        assert (studio.home / "code").read_text() == "0\n"
        assert len(studio.pictures()) == 5


class TestBar:
    @pytest.mark.parametrize(
        ("event", "line"),
        [
            (Queued(), "waiting for the server  0:00"),
            (Queued(0), "waiting for the server  0:00"),
            (Queued(1), "waiting: 1 job before this one  0:00"),
            (Progress(0, 0), "waiting for the server  0:00"),
            (Progress(0, 20), f"[{'-' * 30}] 0/20  0:00"),
            (Progress(5, 20, 65.0), f"[{'#' * 7}{'-' * 23}] 5/20  0:00, 1:05 left"),
            (Progress(30, 20, -3.0), f"[{'#' * 30}] 30/20  0:00, 0:00 left"),
            (Progress(1, 2, own=False), f"[{'#' * 15}{'-' * 15}] 1/2  0:00 of whatever the server is doing"),
        ],
    )
    def test_the_state_of_a_job_as_a_line(self, event: Queued | Progress, line: str):
        bar = Bar()
        bar.show(event)
        assert bar.line() == line

    @pytest.mark.parametrize(("seconds", "words"), [(0.4, "0:00"), (59.6, "1:00"), (3723.0, "1:02:03")])
    def test_the_clock(self, seconds: float, words: str):
        assert clock(seconds) == words


class TestWhere:
    async def test_a_file(self, studio: Studio):
        studio.play(["ready", 1, 2, 3])
        done = await studio.run("a cat", "--count", "3", "-o", "cat.png")
        assert done.out.split() == [f"{studio.home}/{name}.png" for name in ("cat", "cat-2", "cat-3")]
        assert studio.asked()["count"] == 3

    @pytest.mark.parametrize("folder", ["there", "new/", "new/below/"])
    async def test_a_folder(self, studio: Studio, folder: str):
        (studio.home / "there").mkdir()
        done = await studio.run("a cat", "-o", folder)
        assert done.code == 0
        path = Path(done.out.strip())
        assert path.parent == studio.home / folder
        assert re.fullmatch(r"\d{6}-7-a-cat\.png", path.name)

    async def test_a_file_that_is_there_is_not_overwritten_and_nothing_is_asked(self, studio: Studio):
        (studio.home / "cat.png").write_text("mine")
        done = await studio.run("a cat", "-o", "cat.png")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("pluma: cat.png is there already. Nothing is overwritten")
        assert (studio.home / "cat.png").read_text() == "mine"
        assert nothing_asked(studio)

    async def test_a_folder_that_is_not_there_is_told_before_anything_is_asked(self, studio: Studio):
        done = await studio.run("a cat", "-o", "nosuch/cat.png")
        assert (done.code, done.out) == (2, "")
        assert nothing_asked(studio)

    async def test_the_template_of_the_config(self, studio: Studio):
        studio.configure(images='template = "{profile}/{slug}"')
        await studio.run("a cat")
        await studio.run("a cat")
        assert studio.pictures() == ["box/a-cat-2.png", "box/a-cat.png"]

    async def test_a_template_that_leads_out_is_told_and_the_default_stands(self, studio: Studio):
        studio.configure(images='template = "../{slug}"')
        done = await studio.run("a cat")
        assert done.code == 0
        assert "images.template" in done.err
        (name,) = studio.pictures()
        assert name.endswith("-a-cat.png")

    async def test_without_a_setting_they_are_in_the_data_folder_its_owners_alone(self, studio: Studio):
        text = studio.program.config.read_text()
        studio.program.config.write_text(re.sub("directory = .*", "", text))
        path = Path((await studio.run("a cat")).out.strip())
        assert path.is_relative_to(studio.home / "data" / "pictures")
        for folder in path.parents[:3]:
            assert folder.stat().st_mode & 0o777 == 0o700
        (studio.home / "Pictures").mkdir()
        path = Path((await studio.run("a cat")).out.strip())
        assert path.is_relative_to(studio.home / "Pictures" / "pluma")


class TestRequest:
    PROFILE = 'steps = 20\ncfg = 6.0\nwidth = 64\nheight = 64\nsampler = "euler"\nnegative_prompt = "blurry"'

    async def sent(self, studio: Studio, *args: str | bytes, stdin: bytes | None = None) -> dict[str, Any]:
        done = await studio.run(*args, stdin=stdin)
        assert (done.code, done.err) == (0, "")
        asked = studio.asked()
        asked["options"].pop("script")
        return {name: value for name, value in asked.items() if value != {}}

    async def test_flags_go_before_the_profile(self, studio: Studio):
        studio.configure(self.PROFILE)
        assert await self.sent(studio, "a cat", "--seed", "1") == {
            "prompt": "a cat", "steps": 20, "cfg": 6.0, "width": 64, "height": 64, "sampler": "euler",
            "negative_prompt": "blurry", "seed": 1,
        }  # fmt: skip
        flags = shlex.split(
            "-n bad --size 512x768 --steps 4 --cfg 7.5 --seed 18446744073709551615 --count 2 --sampler dpm "
            "--scheduler karras --checkpoint ink --workflow flux --set vae=kl --set clip_skip=2 "
            """--set style=oil --set 'loras=[{name = "ink", weight = 0.5}]' --set 'hires={scale = 1.5}'"""
        )
        assert await self.sent(studio, "a cat", *flags) == {
            "prompt": "a cat", "negative_prompt": "bad", "width": 512, "height": 768, "steps": 4, "cfg": 7.5,
            "seed": 2**64 - 1, "count": 2, "sampler": "dpm", "scheduler": "karras", "checkpoint": "ink",
            "workflow": "flux", "vae": "kl", "clip_skip": 2, "options": {"style": "oil"},
            "loras": [{"name": "ink", "weight": 0.5}],
            "hires": {"scale": 1.5, "upscaler": "", "steps": None, "strength": None},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("args", "stdin", "prompt"),
        [
            (("-",), b"from stdin\n", "from stdin"),
            ((), "eine\nTübinger Katze\n".encode(), "eine\nTübinger Katze"),
            (("a cat",), b"left alone", "a cat"),
            ((b"a \xff cat",), None, "a \ufffd cat"),
        ],
    )
    async def test_the_prompt(self, studio: Studio, args: tuple[Any, ...], stdin: bytes | None, prompt: str):
        assert (await self.sent(studio, *args, stdin=stdin))["prompt"] == prompt

    async def test_a_loop_of_the_shell_keeps_its_list_of_prompts(self, studio: Studio):
        command = shlex.join([*ARGV, "image", "-o"])
        script = f'n=0; while read -r line; do n=$((n+1)); {command} $n.png "$line" || exit 1; done'
        process = await asyncio.create_subprocess_shell(
            script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=studio.program.env,
            cwd=studio.home,
        )  # fmt: skip
        out, _ = await process.communicate(b"a cat\na dog\n")
        assert (process.returncode, out.count(b"\n")) == (0, 2)
        assert studio.asked()["prompt"] == "a dog"

    async def test_a_picture_to_begin_with_and_a_mask(self, studio: Studio):
        (studio.home / "a.png").write_bytes(png(9, 9))
        (studio.home / "m.png").write_bytes(png(9, 8))
        sent = await self.sent(studio, "a cat", "--init", "a.png", "--mask", "m.png", "--strength", "0.5")
        assert sent["strength"] == 0.5
        assert {"init_image", "mask"} <= sent.keys()

    async def test_a_workflow_of_the_profile_has_a_prompt_of_its_own(self, studio: Studio):
        studio.configure('workflow = "flux"')
        done = await studio.run("", "--strength", "0.5")
        assert (done.code, done.err) == (0, "")
        assert (studio.asked()["prompt"], studio.asked()["workflow"]) == ("", "flux")

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["", "--json"], "there is nothing to draw"),
            (["  "], "there is nothing to draw"),
            (["a", "--size", "512"], "WxH is wanted"),
            (["a", "--size", "0x5"], "WxH is wanted"),
            (["a", "--size", "99999x5"], "WxH is wanted"),
            (["a", "--steps", "0"], "a whole number from 1"),
            (["a", "--steps", "many"], "a whole number from 1"),
            (["a", "--seed", str(2**64)], "a whole number from -1"),
            (["a", "--count", "0"], "a whole number from 1"),
            (["a", "--cfg", "nan"], "a number from 0"),
            (["a", "--strength", "1.5"], "a number from 0 to 1"),
            (["a", "--strength", "0.5"], "--strength goes with a picture"),
            (["a", "--mask", "pic.png"], "--mask goes with a picture"),
            (["a", "--init", "nosuch.png"], "cannot be read: No such file"),
            (["a", "--init", "notes.txt"], "is no picture"),
            (["a", "--again", "notes.txt"], "says nothing of a picture"),
            (["a", "--again", "pic.png"], "says what made it"),
            (["a", "--set", "x"], "--set takes KEY=VALUE"),
            (["a", "--set", "clipskip=2"], "clip_skip"),
            (["a", "--set", "styl=oil"], "style"),
            (["a", "--set", "clip_skip=two"], "--set clip_skip"),
            (["a", "--set", 'loras="ink"'], "--set loras"),
            (["a", "--show"], "comes with a later version"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    async def test_what_cannot_be_meant_exits_2_and_nothing_is_asked(
        self, studio: Studio, args: list[str], words: str
    ):
        (studio.home / "notes.txt").write_text("notes")
        (studio.home / "pic.png").write_bytes(png(8, 6))
        done = await studio.run(*args)
        assert done.code == 2
        assert words in done.out + done.err
        assert nothing_asked(studio)


class TestAgain:
    async def test_a_picture_of_our_own(self, studio: Studio):
        await studio.run("a cat", "--steps", "4", "--count", "2", "-n", "bad", "-o", "cat.png")
        first = studio.asked()
        del first["count"]
        done = await studio.run("--again", "cat.png", "-o", "same.png")
        assert (done.code, done.err) == (0, "")
        assert studio.asked() == {**first, "seed": 7}
        assert (studio.home / "same.png").read_bytes() == (studio.home / "cat.png").read_bytes()
        await studio.run("a dog", "--again", "same.png.json", "--steps", "5", "--seed", "8")
        assert studio.asked() == {**first, "prompt": "a dog", "steps": 5, "seed": 8}

    async def test_a_picture_of_a1111s(self, studio: Studio):
        (studio.home / "a.png").write_bytes(annotated(text("parameters", A1111)))
        assert (await studio.run("--again", "a.png", "--steps", "30")).code == 0
        asked = studio.asked()
        assert (asked["steps"], asked["seed"], asked["sampler"]) == (30, 42, "Euler a")
        assert asked["prompt"].endswith("\non a roof")

    async def test_it_goes_to_the_profile_it_came_from_unless_another_is_named(self, studio: Studio):
        await studio.run("a cat", "-o", "cat.png")
        box = studio.program.config.read_text()
        other = re.sub("(?s).*\\[images.profiles.box\\]", "[images.profiles.other]", box)
        studio.program.config.write_text(box.replace("[images]", '[images]\nactive = "other"') + other)
        for args, profile in ((), "box"), (("-p", "other"), "other"):
            done = await studio.run("--again", "cat.png", *args)
            beside = json.loads(Path(f"{done.out.strip()}.json").read_text())
            assert beside["profile"] == profile

    async def test_what_is_missing_is_told(self, studio: Studio):
        (studio.home / "a.png").write_bytes(
            annotated(text("parameters", A1111 + ", Denoising strength: 0.5"))
        )
        done = await studio.run("--again", "a.png")
        assert done.code == 0
        assert "--init" in done.err


class TestStopped:
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
    )
    async def test_a_signal_cancels_the_job_and_keeps_what_is_done(
        self, studio: Studio, number: signal.Signals, code: int
    ):
        studio.play(["queued", 1], ["hang", 5])
        async with studio.hanging() as process:
            process.send_signal(number)
            out, err = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == code
        assert studio.was("cancelled")
        assert Path(out.decode().strip()).read_bytes() == png(8, 11)
        assert err == b"pluma: 1 job before this one\n"

    async def test_json_says_so(self, studio: Studio):
        studio.play(["hang"])
        async with studio.hanging("--json") as process:
            process.send_signal(signal.SIGINT)
            out, _ = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 130
        assert json.loads(out) == {"type": "finished", "ending": "stopped", "images": []}


class TestWrong:
    async def test_a_job_that_failed_prints_what_was_made_and_exits_6(self, studio: Studio):
        studio.play(["failed", "out of memory", 3, 4])
        done = await studio.run("a cat")
        assert (done.code, done.err) == (6, "pluma: out of memory. Make it smaller.\n")
        assert len(done.out.splitlines()) == len(studio.pictures()) == 2
        done = await studio.run("a cat", "--json")
        assert [line["type"] for line in done.lines] == ["image", "image", "error"]
        assert done.lines[-1] == {
            "type": "error", "kind": "JobFailed", "message": "out of memory", "hint": "Make it smaller.",
            "exit_code": 6,
        }  # fmt: skip

    async def test_a_server_that_refuses(self, studio: Studio):
        studio.play(["refused"])
        done = await studio.run("a cat")
        assert (done.code, done.out, done.err) == (6, "", "pluma: the server is shut.\n")

    @pytest.mark.parametrize("command", [["image", "a cat"], ["checkpoints"]])
    async def test_nothing_configured_exits_3_and_says_what_to_do(self, studio: Studio, command: list[str]):
        studio.program.config.write_text("")
        done = await studio.program.run(*command)
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith("pluma: no image server is configured. ")

    @pytest.mark.parametrize("command", [["image", "a cat"], ["checkpoints"]])
    async def test_a_profile_that_is_not_there(self, studio: Studio, command: list[str]):
        done = await studio.program.run(*command, "-p", "bix")
        assert (done.code, done.out) == (3, "")
        assert "box" in done.err

    @pytest.mark.parametrize("command", [["image", "a cat"], ["checkpoints"]])
    async def test_a_chat_profile_is_told_to_be_one(self, studio: Studio, command: list[str]):
        with studio.program.config.open("a") as config:
            config.write('[chat.profiles.home]\ncompat = "openai"\nbase_url = "http://127.0.0.1:9"\n')
        done = await studio.program.run(*command, "-p", "home")
        assert (done.code, done.out) == (3, "")
        assert '"home" is a chat profile' in done.err
        assert "Image profiles: box." in done.err

    @pytest.mark.parametrize("command", [["image", "a cat"], ["checkpoints"]])
    async def test_a_kind_that_nobody_is_of_is_told_with_its_profile(
        self, studio: Studio, command: list[str]
    ):
        config = studio.program.config
        config.write_text(config.read_text().replace('"played"', '"plaid"'))
        done = await studio.program.run(*command)
        assert (done.code, done.out) == (3, "")
        assert 'profile "box" has kind = "plaid"' in done.err
        assert 'Did you mean "played"?' in done.err

    async def test_a_picture_that_cannot_be_kept_is_told_before_anything_is_asked(self, studio: Studio):
        (studio.home / "pictures").write_text("")
        done = await studio.run("a cat")
        assert (done.code, done.out) == (1, "")
        assert "cannot be kept in" in done.err
        assert nothing_asked(studio)


class TestServer:
    async def test_a_server_can_be_named_without_any_config(self, studio: Studio):
        studio.program.config.write_text("")
        done = await studio.run(
            "a cat", "--base-url", "http://127.0.0.1:9", "--kind", "played", "-o", "x.png"
        )
        assert (done.code, done.err) == (0, "")

    async def test_its_kind_has_to_be_said(self, studio: Studio):
        done = await studio.run("a cat", "--base-url", "http://127.0.0.1:9")
        assert done.code == 2
        assert "--kind is one of a1111, comfy" in done.err

    async def test_a_kind_without_an_address_is_told(self, studio: Studio):
        done = await studio.run("a cat", "--kind", "comfy")
        assert (done.code, done.out) == (2, "")
        assert "--base-url" in done.err
        assert nothing_asked(studio)

    async def test_checkpoints_are_lines_or_an_array(self, studio: Studio):
        (studio.home / "script.models").write_text("ink_v1.safetensors\n模型\n")
        done = await studio.program.run("checkpoints")
        assert (done.code, done.out, done.err) == (0, "ink_v1.safetensors\n模型\n", "")
        assert (await studio.program.run("checkpoints", "--json")).json == ["ink_v1.safetensors", "模型"]

    async def test_no_checkpoints_are_told_on_stderr(self, studio: Studio):
        (studio.home / "script.models").write_text("")
        done = await studio.program.run("checkpoints", "-p", "box")
        assert (done.code, done.out, done.err) == (0, "", "pluma: the server lists no models.\n")
        assert (await studio.program.run("checkpoints", "--json")).json == []


class TestWithA1111:
    """The whole way: the command, the provider of that kind, a server over a socket."""

    def configure(self, studio: Studio, url: str) -> None:
        folder = json.dumps(str(studio.home / "pictures"))
        studio.program.config.write_text(
            f'[images]\ndirectory = {folder}\n[images.profiles.box]\nkind = "a1111"\nbase_url = "{url}"\n'
        )

    async def test_pictures_and_the_same_ones_again(self, studio: Studio):
        async with a1111() as server:
            self.configure(studio, server.url)
            done = await studio.run("a cat", "--size", "64x64", "--steps", "2", "--count", "2", "--json")
            assert (done.code, done.err) == (0, "")
            assert {"queued", "progress", "image", "finished"} == {line["type"] for line in done.lines}
            first, second = done.lines[-1]["images"]
            assert second["seed"] == first["seed"] + 1
            for name in (second["path"], f"{second['path']}.json"):
                again = await studio.run("--again", name)
                assert again.code == 0
                assert Path(again.out.strip()).read_bytes() == Path(second["path"]).read_bytes()
        wanted = ("prompt", "seed", "steps", "width", "height")
        *_, one, other = [{name: body[name] for name in wanted} for body in server.bodies]
        assert one == other
        assert one == {"prompt": "a cat", "seed": second["seed"], "steps": 2, "width": 64, "height": 64}

    async def test_ctrl_c_ends_the_job_on_the_server(self, studio: Studio):
        async with a1111(held=True) as server:
            self.configure(studio, server.url)
            async with studio.program.started("image", "a cat", "--steps", "4") as process:
                async with asyncio.timeout(20):
                    while not server.running:
                        await asyncio.sleep(0.01)
                    process.send_signal(signal.SIGINT)
                    out, _ = await process.communicate()
            assert (process.returncode, out) == (130, b"")
            (job,) = server.jobs
            assert job.interrupted

    async def test_a_server_that_is_not_there(self, studio: Studio):
        self.configure(studio, "http://127.0.0.1:1")
        done = await studio.run("a cat")
        assert (done.code, done.out) == (5, "")
        assert (await studio.program.run("checkpoints")).code == 5

    @pytest.mark.parametrize("flavour", ["KoboldCpp", "A1111"])
    async def test_ctrl_c_keeps_the_picture_that_is_done(self, studio: Studio, flavour: str):
        """One answers with a picture at a time, the other to an interrupt with what it has by then."""
        async with a1111(flavour, held=True) as server:
            self.configure(studio, server.url)
            flags = ("--steps", "4", "--count", "3", "--seed", "5")
            async with studio.program.started("image", "a cat", *flags) as process, asyncio.timeout(20):
                while not server.running:
                    await asyncio.sleep(0.01)
                if flavour == "KoboldCpp":
                    server.finish(server.jobs[0])
                    while len(server.jobs) < 2:
                        await asyncio.sleep(0.01)
                else:
                    server.jobs[0].step = 4 + 1
                process.send_signal(signal.SIGINT)
                out, err = await process.communicate()
        (name,) = studio.pictures()
        assert (process.returncode, out.decode()) == (130, f"{studio.home}/pictures/{name}\n")
        assert b"stopped" not in err
        beside = json.loads((studio.home / "pictures" / f"{name}.json").read_text())
        assert (beside["request"]["seed"], beside["request"].get("count", 1)) == (5, 1)

    async def test_no_negative_prompt_at_all_is_said_and_repeated(self, studio: Studio):
        async with a1111() as server:
            self.configure(studio, server.url)
            with studio.program.config.open("a") as config:
                config.write('steps = 1\nnegative_prompt = "blurry"\n')
            await studio.run("a cat", "-o", "with.png")
            await studio.run("a cat", "-n", "", "-o", "without.png")
            for name in ("with.png", "without.png", "without.png.json"):
                assert (await studio.run("--again", name)).code == 0
        said = [body["negative_prompt"] for body in server.bodies]
        assert said == ["blurry", "", "blurry", "", ""]

    async def test_checkpoints_that_have_come_since_are_found(self, studio: Studio):
        async with a1111(unseen=("ink_v1.safetensors",)) as server:
            self.configure(studio, server.url)
            done = await studio.program.run("checkpoints", "--refresh")
        assert (done.code, done.err) == (0, "")
        assert done.out == "sd15rand.safetensors\nink_v1.safetensors\n"

    async def test_a_server_that_cannot_look_for_checkpoints_says_so(self, studio: Studio):
        async with a1111("stable-diffusion.cpp") as server:
            self.configure(studio, server.url)
            done = await studio.program.run("checkpoints", "--refresh")
        assert (done.code, done.out) == (6, "")
        assert "cannot look for new models" in done.err

    async def test_a_kind_that_cannot_be_told_to_look_exits_2(self, studio: Studio):
        done = await studio.program.run("checkpoints", "--refresh")
        assert (done.code, done.out) == (2, "")
        assert 'of the kind "played" cannot be told to look' in done.err
