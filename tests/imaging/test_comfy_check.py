"""What a server would refuse of a workflow, asked before it is run."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pluma_tui.core.errors import Unreachable
from pluma_tui.imaging.base import ChecksWorkflows
from pluma_tui.imaging.comfy_nodes import listed, refusals
from pluma_tui.imaging.workflow import About, Workflow
from pluma_tui.imaging.workflow_find import find
from pluma_tui.imaging.workflow_library import Library
from tests.imaging.comfy_jobs import CAT, PLAIN, changed, provider, written
from tests.imaging.conformance import listen
from tests.imaging.pictures import png
from tests.servers.comfy import ComfyServer, comfy

LIBRARY = Library(Path("/nonexistent"))
LOADER = {"class_type": "LoadImage", "inputs": {"image": "gone.png"}, "_meta": {"title": "Pose"}}


async def refused(server: ComfyServer, graph: Any, **settings: Any) -> list[str]:
    async with provider(server.url, **settings) as box:
        assert isinstance(box, ChecksWorkflows)
        return list(await box.check(Workflow("mine", graph, find(graph))))


@pytest.mark.parametrize("name", [entry.name for entry in LIBRARY.entries()])
async def test_nothing_of_the_built_in_ones(name: str):
    async with comfy() as server, provider(server.url) as box:
        assert await box.check(LIBRARY.load(name)) == []
    assert not server.prompts


async def test_it_asks_for_each_class_and_never_for_the_whole_list():
    async with comfy() as server:
        assert await refused(server, PLAIN) == []
    kinds = {content["class_type"] for content in PLAIN.values()}
    assert sorted(server.asked) == sorted(f"GET /object_info/{kind}" for kind in kinds)


@pytest.mark.parametrize(
    ("change", "node", "words"),
    [
        ({"n4": {"ckpt_name": "gone"}}, "Load Checkpoint", 'ckpt_name "gone"; it has tiny.safetensors'),
        ({"n3": {"sampler_name": "eulr"}}, "KSampler",
         'sampler_name "eulr"; it has 42 others. Did you mean "euler"?'),
        ({"n3": {"scheduler": "%mood%"}}, "KSampler", 'scheduler "%mood%"; it has 9 others'),
    ],
)  # fmt: skip
async def test_a_value_that_is_not_in_its_list(tmp_path: Path, change: dict[str, Any], node: str, words: str):
    graph = changed(PLAIN, **change)
    number = next(iter(change)).removeprefix("n")
    async with comfy() as server:
        assert await refused(server, graph) == [f'"{node}" (node {number}): the server has no {words}']
        async with provider(server.url, workflow=written(tmp_path, graph)) as box:
            assert (await listen(box, CAT)).error is not None  # and it truly does


async def test_a_class_that_is_not_there_and_an_input_that_is_missing():
    graph = changed(PLAIN)
    graph["3"] |= {"class_type": "Fancy/Sampler?", "_meta": {"title": "Mine"}}
    del graph["5"]["inputs"]["width"]
    async with comfy() as server:
        assert await refused(server, graph) == [
            '"Mine" (node 3): the server knows no Fancy/Sampler?: a custom node is not installed there',
            '"EmptyLatentImage" (node 5): width is missing',
        ]


async def test_a_graph_that_brings_nothing_out():
    graph = {node: content for node, content in PLAIN.items() if node != "9"}
    async with comfy() as server:
        (words,) = await refused(server, graph)
    assert "no node saves a picture" in words


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"checkpoint": "gone"}, ['"Load Checkpoint" (node 4): the server has no ckpt_name "gone"']),
        ({"sampler": "heun", "checkpoint": "tiny.safetensors"}, []),
    ],
)
async def test_the_profiles_values_are_put_in_first(settings: dict[str, Any], words: list[str]):
    async with comfy() as server:
        told = await refused(server, changed(PLAIN, n4={"ckpt_name": "theirs"}), **settings)
    assert [one.split(";")[0] for one in told] == words


async def test_a_server_without_any_checkpoint():
    async with comfy() as server:
        server.known["CheckpointLoaderSimple"]["input"]["ckpt_name"][0] = []
        (words,) = await refused(server, changed(PLAIN, n4={"ckpt_name": "%model%"}))
        assert "lists none" in words
        (words,) = await refused(server, PLAIN)
        assert words.endswith('"tiny.safetensors"; it has none')


async def test_a_picture_has_to_be_there_unless_it_comes_with_the_request_or_lies_in_a_folder():
    async with comfy() as server:
        server.files["input", "", "there.png"] = png(8, 8)
        for name in ("there.png", "%init_image%", "below/x.png", "x.png [output]"):
            assert await refused(server, PLAIN | {"30": {**LOADER, "inputs": {"image": name}}}) == []
        told = await refused(server, PLAIN | {"30": LOADER})
    assert told == ['"Pose" (node 30): the server has no image "gone.png"; it has there.png']


async def test_a_server_that_is_not_there():
    async with provider("http://127.0.0.1:1") as box:
        with pytest.raises(Unreachable):
            await box.check(Workflow("mine", PLAIN, About()))


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ([["a", 1], {}], ["a", 1]),
        ([["a"]], ["a"]),
        (["COMBO", {"options": ["a"]}], ["a"]),
        (["COMBO", {"remote": {"route": "/x"}}], None),
        (["INT", {"options": ["a"]}], None),
        ([], None),
        ("STRING", None),
    ],
)
def test_both_notations_of_a_list_are_read(said: Any, values: Any):
    assert listed({"input": {"optional": {"x": said}}}, "x") == values
    assert listed({"input": {"required": {"y": said}}}, "x") is None


def test_inputs_that_grow_go_by_other_names():
    node = {"input": {"required": {"images": ["COMFY_AUTOGROW_V3", {}]}}, "output_node": True}
    graph = {"1": {"class_type": "Batch", "inputs": {"images.image0": ["2", 0]}}}
    assert refusals(graph, {"Batch": node}) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "options"]), inner),
    max_leaves=8,
)


@given(ANYTHING, ANYTHING, ANYTHING)
@example([], {"options": []}, 1)
@example(["COMBO", []], {"options": 5}, [[]])
def test_no_description_and_no_value_is_too_strange(said: Any, part: Any, value: Any):
    graph = {"1": {"class_type": "X", "inputs": {"x": value}}}
    for inputs in ({"required": {"x": said}}, {"optional": {"x": said}, "required": part}, part):
        assert isinstance(refusals(graph, {"X": {"input": inputs}}), list)
