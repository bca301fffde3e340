"""Workflows: read, looked through, filled in."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pluma_tui.core.errors import ConfigError, NotFound, UsageError
from pluma_tui.core.images import ImageRequest
from pluma_tui.core.profile import ImageProfile
from pluma_tui.imaging import comfy_values
from pluma_tui.imaging.workflow import About, Slot, Workflow, parse, problems
from pluma_tui.imaging.workflow_fill import fill, placeholders, unknown
from pluma_tui.imaging.workflow_find import find
from pluma_tui.imaging.workflow_library import Library, load_file
from pluma_tui.imaging.workflow_prepare import Given, known_placeholders, prepare, to_ask_for
from tests.imaging.comfy_jobs import PLAIN, changed, written
from tests.nasty import all_of_it

HOSTILE = st.one_of(
    st.text(st.characters(), max_size=300),
    st.lists(
        st.sampled_from(
            ['"', "'", "\\", "\n", "\r", "\0", "\x1b[2J", "{", "}", "%", "%seed%", "%prompt%", "%",
             "%negative_prompt%", "\\u0022", "\ud800", "🎉", "\u2028", "</script>", "$1", "\\1", "\\g<0>",
             "{{x}}", '"}}', "null"]
        ),
        max_size=30,
    ).map("".join),
    st.sampled_from([nasty.text for nasty in all_of_it()] + ['a "quoted" {cat}\n%seed% ' * 900]),
)  # fmt: skip
# As SillyTavern's own examples are written, and in the ways it leaves alone.
TEMPLATE = changed(
    PLAIN,
    n3={"seed": "%seed%", "steps": "%steps%", "cfg": "%scale%", "sampler_name": "%sampler%",
        "scheduler": "%scheduler%", "denoise": "%denoise%"},
    n4={"ckpt_name": "%model%"}, n5={"width": "%width%", "height": "%height%"},
    n6={"text": "%prompt%"}, n7={"text": "bad, %negative_prompt%; %seed%"},
)  # fmt: skip


def filled(graph: Any, request: ImageRequest, about: About | None = None, **profile: Any) -> Any:
    """The graph that is sent for a request."""
    workflow = Workflow("w", graph, find(graph) if about is None else about)
    values = comfy_values.given(request, ImageProfile(kind="comfy", **profile))
    values.listed = {"model": "first.safetensors"}
    return prepare(workflow, values).graph


class TestFilling:
    @settings(max_examples=300)
    @given(HOSTILE, HOSTILE)
    @example('a "quoted" cat\\', "%seed%")
    def test_no_text_can_break_it_or_be_taken_for_a_placeholder(self, prompt: str, negative: str):
        graph = filled(TEMPLATE, ImageRequest(prompt=prompt, negative_prompt=negative, seed=5))
        graph = json.loads(json.dumps(graph).encode())
        assert graph["6"]["inputs"]["text"] == prompt
        assert graph["7"]["inputs"]["text"] == f"bad, {negative}; 5"
        assert changed(graph, n6={"text": ""}, n7={"text": ""}) == changed(
            filled(TEMPLATE, ImageRequest(prompt="", seed=5)), n6={"text": ""}, n7={"text": ""}
        )

    def test_numbers_are_numbers_and_both_names_of_cfg_are_known(self):
        graph = changed(TEMPLATE, n4={"x": "%cfg%"}, n5={"width": "%width%", "y": "%width%x%height%"})
        done = filled(graph, ImageRequest(prompt="p", seed=5, steps=9, cfg=3.5, width=64, height=32))
        sampler = done["3"]["inputs"]
        assert [sampler[name] for name in ("seed", "steps", "cfg", "denoise")] == [5, 9, 3.5, 1.0]
        assert done["4"]["inputs"] == {"ckpt_name": "first.safetensors", "x": 3.5}
        assert done["5"]["inputs"] == {"width": 64, "height": 32, "batch_size": 1, "y": "64x32"}

    def test_lists_and_tables_inside_are_filled_in_and_the_file_stays_as_it_was(self):
        graph = {"1": {"class_type": "X", "inputs": {"a": ["%seed%", {"b": "%prompt%!"}, 1.5, None]}}}
        before = json.dumps(graph)
        done = fill(graph, {"seed": 1, "prompt": "p"})
        assert done["1"]["inputs"]["a"] == [1, {"b": "p!"}, 1.5, None]
        assert json.dumps(graph) == before

    def test_what_is_no_placeholder_stays(self):
        text = "50%off %Date:yyyy% %steps %prompt%% %%seed%%"
        graph = {"1": {"class_type": "X", "inputs": {"a": text, "b": "%mood%"}}}
        assert (
            fill(graph, {"prompt": "P", "seed": 1})["1"]["inputs"]["a"] == "50%off %Date:yyyy% %steps P% %1%"
        )
        assert fill(graph, {})["1"]["inputs"]["a"] == text
        assert placeholders(graph, ["prompt", "steps", "seed"]) == {"prompt", "seed"}
        assert unknown(graph, ["prompt"]) == {"%mood%"}

    def test_ones_own_pairs_stand_in_for_defaults_but_not_for_what_was_said(self):
        pairs = [{"find": "steps", "replace": 33}, {"find": "%style%", "replace": "oil"}]
        graph = changed(TEMPLATE, n6={"text": "%style% %prompt%"})
        options = {"placeholders": pairs}
        done = filled(graph, ImageRequest(prompt="p"), options=options)
        assert (done["3"]["inputs"]["steps"], done["6"]["inputs"]["text"]) == (33, "oil p")
        assert filled(graph, ImageRequest(prompt="p", steps=4), options=options)["3"]["inputs"]["steps"] == 4

    def test_pairs_that_are_none_are_told(self):
        with pytest.raises(ConfigError, match="table of names"):
            filled(TEMPLATE, ImageRequest(prompt="p"), options={"placeholders": ["style"]})

    def test_a_graph_that_was_run_has_no_placeholders_whatever_stands_in_it(self):
        ran = changed(PLAIN, n6={"text": "is %prompt% a %seed%?"}, n7={"text": "%mood%"})
        about = msgspec.structs.replace(find(ran), filled=True)
        wish = ImageRequest(prompt="is %prompt% a %seed%?", seed=5)
        assert filled(ran, wish, about) == changed(ran, n3={"seed": 5})
        assert prepare(Workflow("w", ran, about), Given({}, 5)).unknown == set()

    def test_avatars_are_pictures_as_text_and_a_pixel_where_there_are_none(self):
        graph = changed(TEMPLATE, n4={"a": "%char_avatar%", "b": "%user_avatar%"})
        inputs = filled(graph, ImageRequest(prompt="p", options={"char_avatar": b"\x89PNG"}))["4"]["inputs"]
        assert inputs["a"] == "iVBORw=="
        assert inputs["b"].startswith("iVBORw0KGgo")

    @pytest.mark.parametrize(("skip", "sent"), [(None, -1), (2, -2), (-2, -2)])
    def test_layers_to_skip_are_counted_from_the_end(self, skip: int | None, sent: int):
        graph = changed(TEMPLATE, n4={"x": "%clip_skip%"})
        assert filled(graph, ImageRequest(prompt="p", clip_skip=skip))["4"]["inputs"]["x"] == sent

    def test_a_value_that_was_said_goes_where_the_graph_shows_if_there_is_no_placeholder(self):
        graph = changed(PLAIN, n6={"text": "%prompt%"})
        done = filled(graph, ImageRequest(prompt="p", steps=9, seed=5))
        assert done["3"]["inputs"]["steps"] == 9
        assert (
            done["3"]["inputs"]["seed"] == PLAIN["3"]["inputs"]["seed"]
        )  # its author did not ask for another

    def test_what_the_server_lists_is_asked_for_only_where_nobody_says_it(self):
        workflow = Workflow("w", TEMPLATE)
        assert to_ask_for(workflow, Given({}, 1)) == {"model": Slot("4", "ckpt_name")}
        assert to_ask_for(workflow, Given({"model": "m"}, 1)) == {}
        with pytest.raises(NotFound, match="model"):
            prepare(workflow, Given({"prompt": "p"}, 1))


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


# Flux as ComfyUI's own template has it: a sampler of parts, and numbers in nodes of their own.
PARTS = {
    "n": node("RandomNoise", noise_seed=1), "g": node("BasicGuider", model=["m", 0], conditioning=["f", 0]),
    "f": node("FluxGuidance", guidance=3.5, conditioning=["t", 0]),
    "t": node("CLIPTextEncode", text=["s", 0], clip=["c", 0]),
    "s": node("PrimitiveStringMultiline", value="a fox"), "k": node("KSamplerSelect", sampler_name="euler"),
    "d": node("BasicScheduler", scheduler="simple", steps=["p", 0], denoise=1.0, model=["m", 0]),
    "p": node("PrimitiveInt", value=20), "m": node("UNETLoader", unet_name="flux", weight_dtype="default"),
    "c": node("DualCLIPLoader", clip_name1="a", clip_name2="b", type="flux"),
    "v": node("VAELoader", vae_name="ae"), "p2": node("PrimitiveInt", value=768),
    "l": node("EmptySD3LatentImage", width=1024, height=["p2", 0], batch_size=1),
    "x": node("SamplerCustomAdvanced", noise=["n", 0], guider=["g", 0], sampler=["k", 0], sigmas=["d", 0],
              latent_image=["l", 0]),
    "o": node("VAEDecode", samples=["x", 0], vae=["v", 0]),
    "w": node("SaveImage", images=["o", 0], filename_prefix="F"),
}  # fmt: skip
# A second pass on a larger latent, and a control net that both sides go through.
TWO_PASSES = PLAIN | {
    "20": node("ControlNetApplyAdvanced", positive=["6", 0], negative=["7", 0], control_net=["21", 0],
               image=["22", 0], strength=1.0, start_percent=0, end_percent=1),
    "21": node("ControlNetLoader", control_net_name="c"), "22": node("LoadImage", image="pose.png"),
    "23": node("LatentUpscale", samples=["3", 0], width=1024, height=1024, crop="disabled"),
    "24": node("KSampler", seed=2, steps=10, cfg=6, sampler_name="euler", scheduler="normal", denoise=0.5,
               model=["4", 0], positive=["20", 0], negative=["20", 1], latent_image=["23", 0]),
    "8": node("VAEDecode", samples=["24", 0], vae=["4", 2]),
}  # fmt: skip


INPUTS = st.sampled_from(
    [
        "positive",
        "negative",
        "latent_image",
        "samples",
        "model",
        "guider",
        "noise",
        "seed",
        "text",
        "cfg",
        "steps",
    ]
)
LINKS = st.tuples(st.sampled_from("abcdefg"), st.integers(0, 2)).map(list)
VALUES = st.one_of(LINKS, st.integers(), st.text())


def places(graph: Any) -> dict[str, list[str]]:
    return {
        name: [f"{slot.node}.{slot.input}" for slot in slots] for name, slots in find(graph).places.items()
    }


class TestFinding:
    def test_the_first_example_of_comfyui(self):
        assert places(PLAIN) == {
            "prompt": ["6.text"], "negative_prompt": ["7.text"], "seed": ["3.seed"],
            "sampler": ["3.sampler_name"], "scheduler": ["3.scheduler"], "cfg": ["3.cfg"],
            "model": ["4.ckpt_name"], "steps": ["3.steps"],
            "denoise": ["3.denoise"], "width": ["5.width"], "height": ["5.height"], "batch": ["5.batch_size"],
        }  # fmt: skip

    def test_a_sampler_of_parts_and_values_that_come_by_a_link(self):
        assert places(PARTS) == {
            "prompt": ["s.value"], "seed": ["n.noise_seed"], "sampler": ["k.sampler_name"],
            "scheduler": ["d.scheduler"], "cfg": ["f.guidance"], "model": ["m.unet_name"],
            "steps": ["p.value"],
            "denoise": ["d.denoise"], "width": ["l.width"], "height": ["p2.value"],
            "batch": ["l.batch_size"], "vae": ["v.vae_name"],
        }  # fmt: skip

    def test_two_passes_share_seed_and_prompt_but_not_steps_and_size(self):
        found = places(TWO_PASSES)
        assert found["prompt"] == ["6.text"]
        assert found["negative_prompt"] == ["7.text"]
        assert found["seed"] == ["3.seed", "24.seed"]
        assert (found["steps"], found["denoise"], found["width"]) == (["3.steps"], ["3.denoise"], ["5.width"])
        assert "init_image" not in found

    def test_a_picture_to_begin_with_and_its_mask(self):
        graph = changed(PLAIN, n3={"latent_image": ["31", 0]}) | {
            "30": node("LoadImage", image="in.png"),
            "32": node("LoadImageMask", image="m.png", channel="red"),
            "31": node("VAEEncodeForInpaint", pixels=["30", 0], vae=["4", 2], mask=["32", 0], grow_mask_by=6),
        }  # fmt: skip
        found = places(graph)
        assert (found["init_image"], found["mask"]) == (["30.image"], ["32.image"])

    def test_a_negative_side_that_only_silences_the_prompt_is_none(self):
        graph = changed(PLAIN, n3={"negative": ["40", 0]}) | {
            "40": node("ConditioningZeroOut", conditioning=["6", 0])
        }
        assert "negative_prompt" not in places(graph)
        assert "negative_prompt" not in places(changed(PLAIN, n3={"negative": ["6", 0]}))

    def test_steps_that_are_shared_out_stay(self):
        graph = changed(PLAIN, n3={"noise_seed": 1, "start_at_step": 0, "end_at_step": 10})
        del graph["3"]["inputs"]["seed"]
        assert "steps" not in places(graph)
        assert places(graph)["seed"] == ["3.noise_seed"]

    @settings(max_examples=200)
    @given(st.dictionaries(st.sampled_from("abcdef"), st.dictionaries(INPUTS, VALUES), min_size=1))
    def test_no_graph_is_too_strange(self, inputs: dict[str, Any]):
        """Circles, links to nowhere, samplers that feed each other: whatever is found is there."""
        graph = {name: {"class_type": "KSampler", "inputs": content} for name, content in inputs.items()}
        for slots in find(graph).places.values():
            for slot in slots:
                assert not isinstance(graph[slot.node]["inputs"][slot.input], list)
        problems(graph)


class TestReading:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b'{"nodes": [], "links": [], "version": 0.4}', "own screen saves"),
            (b'{"last_node_id": 9, "groups": []}', "own screen saves"),
            (b"{", "no JSON"),
            (b"\xff\xfe", "no JSON"),
            (b"[" * 100_000, "no JSON"),
            (b"[]", "API format"),
            (b"{}", "API format"),
            (b'{"1": {"inputs": {}}}', "API format"),
            (b'{"1": {"class_type": "X", "inputs": []}}', "API format"),
        ],
    )
    def test_what_is_none_is_told_with_how_to_export_it(self, data: bytes, words: str):
        with pytest.raises(ConfigError, match=words) as caught:
            parse(data, "a.json")
        assert "Export (API)" in caught.value.hint

    def test_byte_order_marks_missing_inputs_and_whole_requests_are_taken(self):
        assert parse(b'\xef\xbb\xbf{"1": {"class_type": "X"}}', "x") == {
            "1": {"class_type": "X", "inputs": {}}
        }
        assert parse(json.dumps({"prompt": PLAIN, "client_id": "c"}).encode(), "x") == PLAIN

    def test_links_to_nowhere_and_circles_are_problems(self):
        assert problems(PLAIN) == []
        (told,) = problems(changed(PLAIN, n8={"samples": ["99", 0]}))
        assert '"VAEDecode" (node 8): samples is linked to node 99' in told
        circle = {"1": node("X", a=["2", 0]), "2": node("X", a=["1", 0])}
        assert problems(circle) == ["no node is an end: every one feeds another"]


class TestLibrary:
    def test_own_ones_go_before_built_in_ones_and_those_before_files(self, tmp_path: Path):
        library = Library(tmp_path)
        assert library.load("txt2img").graph["positive"]["inputs"]["text"] == "%prompt%"
        library.add(Workflow("txt2img", PLAIN, find(PLAIN)))
        assert library.load("txt2img").graph == PLAIN
        assert {entry.name: entry.origin for entry in library.entries()}["txt2img"] == "own"
        assert library.load(written(tmp_path, PLAIN, "elsewhere")).name == "elsewhere"
        library.remove("txt2img")
        assert library.load("txt2img").graph != PLAIN
        assert [*library.folder.iterdir()] == []

    def test_what_is_kept_beside_it_holds(self, tmp_path: Path):
        library = Library(tmp_path)
        about = About(title="Mine", places={"prompt": (Slot("7", "text"),)}, outputs=("9",))
        path = library.add(Workflow("mine", PLAIN, about))
        assert library.load("mine").about == about
        assert [entry.title for entry in library.entries() if entry.name == "mine"] == ["Mine"]
        assert {file.stat().st_mode & 0o777 for file in library.folder.iterdir()} == {0o600}
        path.with_name("mine.about.json").unlink()
        assert library.load("mine").about == find(PLAIN)
        path.with_name("mine.about.json").write_text('{"places": 5}')
        with pytest.raises(ConfigError, match="cannot be used"):
            library.load("mine")
        assert "mine" in [entry.name for entry in library.entries()]

    @pytest.mark.parametrize(
        "name", ["", "../x", "a/b", "a\\b", ".hidden", "a\nb", "a\0b", "x.about", "n" * 300]
    )
    def test_a_name_that_is_none_is_refused(self, tmp_path: Path, name: str):
        with pytest.raises(UsageError):
            Library(tmp_path).add(Workflow(name, PLAIN))
        assert [*tmp_path.iterdir()] == []

    def test_nothing_is_replaced_or_removed_by_mistake(self, tmp_path: Path):
        library = Library(tmp_path)
        library.add(Workflow("mine", PLAIN))
        with pytest.raises(UsageError, match="already"):
            library.add(Workflow("mine", TEMPLATE))
        library.add(Workflow("mine", TEMPLATE), replace=True)
        assert library.load("mine").graph == TEMPLATE
        for name, words in (("flux", "comes with pluma"), ("nope", "not in the library")):
            with pytest.raises(UsageError, match=words):
                library.remove(name)

    @pytest.mark.parametrize("entry", Library(Path("/nonexistent")).entries(), ids=lambda entry: entry.name)
    def test_the_built_in_ones_are_whole(self, entry: Any):
        workflow = load_file(entry.path)
        assert entry.title
        assert problems(workflow.graph) == []
        assert unknown(workflow.graph, known_placeholders({}, workflow.about.defaults)) == set()
