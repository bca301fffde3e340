"""A picture made again from what stands beside it or in it, whoever made it."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pluma_tui.core.errors import UsageError
from pluma_tui.core.images import Hires, ImageRequest, Lora
from pluma_tui.imaging import embedded, infotext, metadata
from tests.imaging.annotated import (
    A1111,
    annotated,
    exif,
    international,
    jpeg,
    packed,
    text,
    unicode_comment,
    webp,
)

RECORDED = (
    "a cat\nNegative prompt: blurry\nSteps: 2, Sampler: Euler a, CFG scale: 7.0, Seed: 42, Size: 64x64, "
    "Model: sd15rand, Version: 1.8.0-RC"
)
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 7, "steps": 5, "cfg": 4, "sampler_name": "euler", "scheduler": "karras", "denoise": 1.0,
            "model": ["4", 0], "positive": ["6", 0], "negative": ["8", 0], "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "ink.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 96, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": 'a "cat"\n😀', "clip": ["4", 1]}},
    "8": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "7": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "x"}},
}  # fmt: skip
HOSTILE = "a cat, Seed: 5, Sampler: foo, Clip skip: 7, Hires scale: 3, Denoising strength: 0.1, VAE: x"
MADE: dict[str, Any] = {"schema": "sdcpp.image.params/v1"}


def sdcpp(sampler: str, between: str = "", *, prompt: str = HOSTILE, more: dict[str, Any] = MADE) -> str:
    """What stable-diffusion.cpp writes, as a real one did."""
    made = {**more, "prompt": {"negative": "blurry", "positive": prompt}}
    return (
        f"{prompt}\nNegative prompt: blurry\nSteps: 3, CFG scale: 4.500000, Guidance: 3.500000, Eta: inf, "
        f"Seed: 42, Size: 64x80, Model: random.safetensors, RNG: cuda, Sampler: {sampler}, {between}"
        f"Version: stable-diffusion.cpp, SDCPP: {json.dumps(made)}"
    )


SDCPP = {
    "a sampler": sdcpp("euler_a"),
    "a scheduler too": sdcpp("euler_a karras"),
    "a scheduler alone": sdcpp("NONE karras"),
    "neither": sdcpp("NONE"),
    "a LoRA": sdcpp(
        "NONE", more={"loras": [{"name": "ink.v1.safetensors", "multiplier": 0.20000000298023224}]}
    ),
    "a second pass": sdcpp(
        "NONE",
        "Hires upscale: Latent, Hires scale: 1.500000, Hires resize: 0x0, Hires steps: 0, "
        "Denoising strength: 0.500000, ",
    ),
}
WANTED = ImageRequest(
    prompt="a cat, <lora:ink:0.8>\non a roof",
    negative_prompt="blurry, bad",
    width=64,
    height=96,
    steps=12,
    cfg=6.5,
    sampler="Euler a",
    scheduler="Karras",
    checkpoint="ink_v1",
    vae="kl-f8",
    seed=42,
    clip_skip=2,
)


def read(folder: Path, data: bytes, name: str = "x.png") -> metadata.Again:
    path = folder / name
    path.write_bytes(data)
    return metadata.read(path, folder / "data")


class TestInfotext:
    def test_all_that_a1111_writes_down_comes_back(self):
        assert infotext.parse(A1111) == WANTED

    def test_a_recorded_one(self):
        said = infotext.parse(RECORDED)
        assert said is not None
        assert (said.prompt, said.negative_prompt, said.seed, said.cfg) == ("a cat", "blurry", 42, 7.0)
        assert (said.width, said.height, said.checkpoint, said.scheduler) == (64, 64, "sd15rand", "")

    def test_words_like_the_negatives_in_the_middle_of_a_line_are_the_prompts(self):
        said = infotext.parse("a sign, Negative prompt: no\nSteps: 2, Sampler: Euler, Seed: 1")
        assert said is not None
        assert (said.prompt, said.negative_prompt) == ("a sign, Negative prompt: no", "")

    def test_the_strength_of_a_second_pass_is_its_own(self):
        said = infotext.parse(
            "a cat\nSteps: 8, Sampler: Euler, Seed: 1, Denoising strength: 0.4, Hires upscale: 1.5, "
            "Hires steps: 4, Hires upscaler: Latent"
        )
        assert said is not None
        assert said.hires == Hires(scale=1.5, upscaler="Latent", steps=4, strength=0.4)
        assert said.strength is None

    @pytest.mark.parametrize("words", SDCPP.values(), ids=SDCPP)
    def test_what_stable_diffusion_cpp_writes_is_asked_for_again(self, words: str):
        """Its prompt was read as settings, its scheduler as a part of the sampler, NONE as a sampler."""
        said = infotext.parse(words)
        assert said is not None
        assert said == ImageRequest(
            prompt=HOSTILE, negative_prompt="blurry", seed=42, steps=3, cfg=4.5, width=64, height=80,
            checkpoint="random.safetensors", sampler="euler_a" if "euler_a" in words else "",
            scheduler="karras" if "karras" in words else "",
            loras=(Lora("ink.v1", 0.2),) if "loras" in words else (),
            hires=Hires(scale=1.5, upscaler="Latent", strength=0.5) if "Hires scale: 1.5" in words else None,
        )  # fmt: skip

    def test_the_json_of_stable_diffusion_cpp_has_the_prompt_to_the_letter(self):
        said = infotext.parse(sdcpp("euler_a", prompt=" a\nNegative prompt: b\n", more=MADE))
        assert said is not None
        assert (said.prompt, said.negative_prompt) == (" a\nNegative prompt: b\n", "blurry")

    @pytest.mark.parametrize("made", ["", ", SDCPP: ", ', SDCPP: {"prompt": 5}', ", SDCPP: " + "[" * 50_000])
    def test_without_its_json_the_text_must_do(self, made: str):
        said = infotext.parse(sdcpp("euler_a karras").partition(", SDCPP: ")[0] + made)
        assert said is not None
        assert (said.prompt, said.scheduler, said.seed, said.loras) == (HOSTILE, "karras", 42, ())

    @pytest.mark.parametrize("words", ["", "a cat", "a cat\nSteps: 4", "Steps are many, and: so on, Seed: 4"])
    def test_what_is_no_such_text_is_none(self, words: str):
        assert infotext.parse(words) is None

    @pytest.mark.parametrize("value", ["nan", "inf", "1e999", "many", "", "-", "9" * 5000])
    def test_a_number_that_is_none_is_left_out(self, value: str):
        said = infotext.parse(f"a cat\nSteps: {value}, Sampler: Euler, CFG scale: {value}, Seed: 1")
        assert said is not None
        assert (said.steps, said.cfg, said.seed) == (None, None, 1)

    @given(st.text(max_size=300), st.text('"\\,: a\n', max_size=200))
    @example("", '"' * 90_000)
    def test_any_text_is_taken_in_without_an_error(self, prompt: str, line: str):
        infotext.parse(f"{prompt}\nSteps: 2, {line}, Sampler: x")


class TestEmbedded:
    @pytest.mark.parametrize(
        "chunk",
        [
            text("parameters", "ein Tübinger 😀"),
            packed("parameters", "ein Tübinger 😀"),
            international("parameters", "ein Tübinger 😀"),
            international("parameters", "ein Tübinger 😀", small=True),
        ],
        ids=["tEXt", "zTXt", "iTXt", "iTXt packed"],
    )
    def test_each_kind_of_text_in_a_png(self, chunk: tuple[bytes, bytes]):
        assert embedded.texts(annotated((b"gAMA", b"\0\0\xb1\x8f"), chunk)) == {
            "parameters": "ein Tübinger 😀"
        }

    def test_a_text_in_latin_1(self):
        found = embedded.texts(annotated((b"tEXt", b"parameters\0T\xfcbingen")))
        assert found == {"parameters": "Tübingen"}

    @pytest.mark.parametrize("words", [A1111, "Katze 😀 貓\nSteps: 2"])
    @pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
    @pytest.mark.parametrize("make", [jpeg, webp, lambda c: jpeg(c, "<")], ids=["jpeg", "webp", "jpeg II"])
    def test_the_comment_in_exif_in_either_order_of_bytes(self, make, encoding: str, words: str):
        assert embedded.texts(make(unicode_comment(words, encoding))) == {"UserComment": words}

    def test_a_comment_in_ascii(self):
        assert embedded.texts(jpeg(b"ASCII\0\0\0" + A1111.encode())) == {"UserComment": A1111}

    def test_exif_in_a_png(self):
        data = annotated((b"eXIf", exif(unicode_comment(A1111))))
        assert embedded.texts(data) == {"UserComment": A1111}

    def test_a_bomb_of_packed_text_is_not_unpacked(self):
        bomb = (b"zTXt", b"parameters\0\0" + zlib.compress(b"a" * (embedded.MAX_TEXT + 1)))
        assert embedded.texts(annotated(text("Title", "t"), bomb)) == {"Title": "t"}

    def test_a_bomb_of_many_packed_texts_was_unpacked_whole(self):
        text = b"\0\0" + zlib.compress(b"a" * embedded.MAX_TEXT)
        data = annotated(*((b"zTXt", str(number).encode() + text) for number in range(20)))
        found = embedded.texts(data)
        assert 1 < len(found) < 6
        assert found["0"] == "a" * embedded.MAX_TEXT

    def test_a_length_beyond_the_end_is_not_trusted(self):
        data = annotated(text("parameters", "x"))
        at = data.index(b"tEXt") - 4
        assert embedded.texts(data[:at] + struct.pack(">I", 2**31 - 1) + data[at + 4 :]) == {}

    @settings(max_examples=300)
    @given(st.sampled_from([jpeg, webp]), st.data())
    def test_damage_is_no_error(self, make, data: st.DataObject):
        whole = bytearray(make(unicode_comment(A1111)))
        for _ in range(data.draw(st.integers(1, 4))):
            whole[data.draw(st.integers(2, len(whole) - 1))] = data.draw(st.integers(0, 255))
        embedded.texts(bytes(whole[: data.draw(st.integers(0, len(whole)))]))

    @settings(max_examples=200)
    @given(st.binary(max_size=200))
    def test_a_png_of_nonsense_is_no_error(self, rest: bytes):
        embedded.texts(b"\x89PNG\r\n\x1a\n" + rest)


class TestAgain:
    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("x.png", annotated(text("parameters", A1111))),
            ("x.jpg", jpeg(unicode_comment(A1111))),
            ("x.webp", webp(unicode_comment(A1111, "utf-16-le"))),
            ("no ending", annotated(international("parameters", A1111))),
        ],
    )
    def test_from_a1111(self, tmp_path: Path, name: str, data: bytes):
        assert read(tmp_path, data, name) == metadata.Again(WANTED)

    def test_a_picture_that_was_made_from_another_says_that_it_is_missing(self, tmp_path: Path):
        again = read(tmp_path, annotated(text("parameters", RECORDED + ", Denoising strength: 0.5")))
        assert again.request.strength == 0.5
        assert "--init" in again.notes[0]

    def test_from_comfyui_with_what_its_nodes_hold(self, tmp_path: Path):
        again = read(tmp_path, annotated(text("prompt", json.dumps(GRAPH)), text("workflow", "{}")))
        workflow = Path(again.request.workflow)
        assert json.loads(workflow.read_text()) == GRAPH
        assert workflow.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
        assert again.request == ImageRequest(
            prompt='a "cat"\n😀', negative_prompt="blurry", seed=7, steps=5, cfg=4.0, sampler="euler",
            scheduler="karras", width=64, height=96, checkpoint="ink.safetensors", workflow=str(workflow),
        )  # fmt: skip

    def test_twice_from_comfyui_is_one_file(self, tmp_path: Path):
        data = annotated(text("prompt", json.dumps(GRAPH)))
        assert read(tmp_path, data) == read(tmp_path, data)
        kept = sorted(path.name.partition(".")[2] for path in (tmp_path / "data" / "again").iterdir())
        assert kept == ["about.json", "json"]

    def test_nan_as_comfyui_writes_it_does_not_matter(self, tmp_path: Path):
        graph = json.dumps({**GRAPH, "9": {**GRAPH["9"], "is_changed": [float("nan")]}})
        assert "NaN" in graph
        assert read(tmp_path, annotated(text("prompt", graph))).request.seed == 7

    @pytest.mark.parametrize(
        "data",
        [
            annotated(),
            jpeg(),
            annotated(text("parameters", "just words")),
            annotated(text("prompt", "{no json")),
            annotated(text("prompt", "[" * 100_000)),
            annotated(text("prompt", json.dumps({"nodes": [], "links": []}))),
        ],
    )
    def test_a_picture_that_tells_nothing_is_refused(self, tmp_path: Path, data: bytes):
        with pytest.raises(UsageError, match="says what made it"):
            read(tmp_path, data)

    @pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff\xfe", b'{"format": "pluma-picture"}'])
    def test_a_file_that_is_no_picture_is_refused(self, tmp_path: Path, data: bytes):
        with pytest.raises(UsageError, match="says nothing of a picture"):
            read(tmp_path, data)

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path):
        with pytest.raises(UsageError, match="cannot be read: No such file"):
            metadata.read(tmp_path / "none.png", tmp_path)

    def test_a_huge_file_is_not_read(self, tmp_path: Path):
        with (tmp_path / "x.png").open("wb") as file:
            file.truncate(2**31)
        with pytest.raises(UsageError, match="is larger than"):
            metadata.read(tmp_path / "x.png", tmp_path)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(words=st.text(max_size=60))
    def test_any_words_in_a_sidecar_are_refused_or_read(self, tmp_path: Path, words: str):
        with pytest.raises(UsageError):
            read(tmp_path, json.dumps({"format": words, "request": {"prompt": words}}).encode())
