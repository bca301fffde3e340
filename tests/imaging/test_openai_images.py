"""OpenAI's Images API: what is asked, what is made of the answers, and where a key may go."""

import asyncio
import json
from base64 import b64encode
from typing import Any

import httpx
import msgspec
import pytest

from pluma_tui.core.errors import BrokenStream, JobFailed, NotFound, Refused, TimedOut
from pluma_tui.core.images import Hires, ImageRequest, Lora, Queued, ServerInfo
from pluma_tui.core.profile import ImageProfile, SecretRef
from pluma_tui.imaging.openai_images import OpenAIImages
from tests.imaging import conformance
from tests.imaging.conformance import HOSTILE, KEY, Outcome, connected, listen, stop_at
from tests.imaging.pictures import bomb, png
from tests.providers.feeding import response
from tests.servers.openai_images import ImagesServer, images_server
from tests.servers.replay import answer, replay

KIND = "openai-images"
REQUEST = ImageRequest(prompt="a cat", width=64, height=64)
SECRETS = {"api_key": SecretRef("env", "KEY")}


def asking(**fields: Any) -> ImageRequest:
    return msgspec.structs.replace(REQUEST, **fields)


async def drawn(
    request: ImageRequest = REQUEST, *, profile: dict[str, Any] | None = None, **settings: Any
) -> tuple[Outcome, ImagesServer]:
    async with images_server(**settings) as server, connected(KIND, server.url, **profile or {}) as provider:
        outcome = await listen(provider, request)
    return outcome, server


class TestRequest:
    async def test_only_what_is_set_is_said(self):
        outcome, server = await drawn(ImageRequest(prompt="a cat"))
        conformance.ends_once(outcome)
        assert server.bodies == [{"prompt": "a cat", "n": 1}]
        assert outcome.notices == []

    async def test_model_size_and_options_are_said(self):
        profile = {"model": "gpt-image-1", "options": {"quality": "low"}}
        _, server = await drawn(asking(count=2, options={"user": "me"}), profile=profile)
        said = {"model": "gpt-image-1", "size": "64x64", "quality": "low", "user": "me"}
        assert server.bodies == [{"prompt": "a cat", "n": 2, **said}]

    async def test_a_checkpoint_is_a_model_and_goes_before_the_profile_s(self):
        _, server = await drawn(asking(checkpoint="other", height=None), profile={"model": "gpt-image-1"})
        assert (server.bodies[0]["model"], server.bodies[0]["size"]) == ("other", "64x64")

    async def test_what_it_has_no_word_for_is_told(self):
        request = asking(steps=5, seed=0, negative_prompt="dull", loras=(Lora("x"),), hires=Hires())
        outcome, server = await drawn(request, profile={"cfg": 7.0, "sampler": "Euler"})
        assert outcome.notices == [
            "this kind of server knows no negative prompt, steps, seed, loras, hires: left out"
        ]
        assert set(server.bodies[0]) == {"prompt", "n", "size"}
        assert outcome.pictures[0].seed is None

    async def test_a_picture_to_begin_with_goes_as_a_form(self):
        start = png(64, 64)
        mask = start[:25] + b"\4" + start[26:]  # grey with alpha, as its header says
        outcome, server = await drawn(asking(init_image=start, mask=mask, options={"quality": "low"}))
        conformance.ends_once(outcome)
        said = {"prompt": "a cat", "n": "1", "size": "64x64", "quality": "low"}
        assert server.bodies == [{**said, "image": start, "mask": mask}]

    async def test_a_mask_without_transparency_is_not_sent(self):
        outcome, server = await drawn(asking(init_image=png(64, 64), mask=png(64, 64)))
        conformance.fails_clearly(outcome)
        assert "no transparency" in str(outcome.error)
        assert server.requests == []

    async def test_a_server_without_edits_is_told(self):
        outcome, _ = await drawn(asking(init_image=png(64, 64)), edits=False)
        assert isinstance(outcome.error, NotFound)
        assert "begin with a picture" in outcome.error.hint


class TestAnswer:
    @pytest.mark.parametrize("links", [False, True])
    async def test_pictures_are_kept_to_the_byte(self, links: bool):
        outcome, server = await drawn(asking(count=3), links=links)
        conformance.ends_once(outcome)
        assert [picture.data for picture in outcome.pictures] == server.pictures
        assert outcome.pictures[0].settings == {"prompt": "A cat."}
        assert outcome.events[0] == Queued()

    async def test_a_model_for_one_at_a_time_is_asked_again(self):
        outcome, server = await drawn(asking(count=3), one=True)
        conformance.ends_once(outcome)
        assert [body["n"] for body in server.bodies] == [3, 1, 1, 1]
        assert len({picture.data for picture in outcome.pictures}) == 3

    async def test_another_refusal_is_no_reason_to_ask_again(self):
        outcome, server = await drawn(asking(count=3, options={"seed": 5}))
        assert isinstance(outcome.error, Refused)
        assert outcome.error.message.startswith("Unknown parameter: 'seed'.")
        assert len(server.bodies) == 1

    async def test_models_are_listed(self):
        async with images_server() as server, connected(KIND, server.url) as provider:
            assert await provider.checkpoints() == ["gpt-image-1", "a-chat-model"]
            assert await provider.ping() == ServerInfo("an OpenAI-like server")
            assert provider.upstream == f"{server.url}/v1"

    async def test_a_picture_may_be_a_data_url_or_have_a_path_of_its_own(self):
        data = png(64, 64)
        url = f"data:image/png;base64,{b64encode(data).decode()}"
        async with images_server() as server, connected(KIND, server.url) as provider:
            server.pictures.append(data)
            for entry in ({"url": url, "b64_json": None}, {"url": "/made/0"}):
                server.spoiled["/v1/images/generations"] = answer({"data": [entry]})
                assert (await listen(provider)).pictures[0].data == data

    async def test_what_was_made_before_an_error_is_kept(self):
        entries = [{"b64_json": b64encode(png(9, 9)).decode()}, {"b64_json": "@@@"}]
        async with images_server() as server, connected(KIND, server.url) as provider:
            server.spoiled["/v1/images/generations"] = answer({"data": entries})
            error = (await listen(provider, asking(count=2))).error
        assert isinstance(error, JobFailed)
        assert [picture.data for picture in error.pictures] == [png(9, 9)]

    async def test_what_earlier_answers_brought_is_kept_when_the_task_is_cancelled(self):
        async with images_server(one=True) as server, connected(KIND, server.url) as provider:
            server.most = 2
            listening = asyncio.create_task(listen(provider, asking(count=3)))
            async with asyncio.timeout(20):
                while len(server.bodies) < 4:  # three at once, which is refused; then one by one
                    await asyncio.sleep(0)
            listening.cancel()
            error = (await listening).error
        assert isinstance(error, JobFailed)
        assert [picture.data for picture in error.pictures] == server.pictures


class TestWhereAKeyGoes:
    async def test_it_goes_to_the_server_itself(self):
        _, server = await drawn(links=True, profile=SECRETS)
        assert {request.headers.get("authorization") for request in server.requests} == {f"Bearer {KEY}"}

    @pytest.mark.parametrize("secret", ["api_key", "auth"])
    async def test_it_goes_to_no_other_host_and_no_header_of_the_profile_does(self, secret: str):
        profile = {secret: SecretRef("env", "KEY"), "headers": {"X-Team": "ours"}}
        async with images_server() as other:
            other.pictures.append(png(64, 64))
            outcome, server = await drawn(links=True, links_at=other.url, profile=profile)
        conformance.ends_once(outcome)
        assert server.requests[0].headers["x-team"] == "ours"
        (request,) = other.requests
        assert set(request.headers) <= {"host", "accept", "accept-encoding", "connection", "user-agent"}

    async def test_nor_does_a_password_out_of_the_address(self):
        async with images_server() as other, images_server(links=True, links_at=other.url) as server:
            other.pictures.append(png(64, 64))
            async with connected(KIND, server.url.replace("//", "//ann:secret@")) as provider:
                conformance.ends_once(await listen(provider))
        assert "authorization" in server.requests[0].headers
        assert "authorization" not in other.requests[0].headers

    @pytest.mark.parametrize(
        "address",
        ["file:///etc/passwd", "ftp://host/a.png", "http://[", "gopher:x", "http://\x00"],
    )
    async def test_strange_addresses_are_not_followed(self, address: str):
        async with images_server() as server, connected(KIND, server.url) as provider:
            server.spoiled["/v1/images/generations"] = answer({"data": [{"url": address}]})
            outcome = await listen(provider)
        conformance.fails_clearly(outcome)
        assert isinstance(outcome.error, BrokenStream)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("address", ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]/x"])
    async def test_a_server_elsewhere_does_not_get_us_to_ask_this_machine(self, address: str):
        asked: list[str] = []

        def take(request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            return response(json.dumps({"data": [{"url": address}]}).encode(), kind="application/json")

        base = "http://away.example/v1"
        client = httpx.AsyncClient(transport=httpx.MockTransport(take), base_url=base)
        provider = OpenAIImages(ImageProfile(kind=KIND, base_url=base), client)
        outcome = await listen(provider)
        assert isinstance(outcome.error, BrokenStream)
        assert asked == [f"{base}/images/generations"]


async def test_an_address_out_of_reach_is_named():
    async with (
        images_server(links=True, links_at="http://127.0.0.1:1") as server,
        connected(KIND, server.url) as provider,
    ):
        outcome = await listen(provider)
    conformance.fails_clearly(outcome)
    assert "nobody answers at http://127.0.0.1:1/made/0" in str(outcome.error)


class TestHostile:
    @pytest.mark.parametrize("play", HOSTILE.values(), ids=HOSTILE.keys())
    async def test_a_server_that_means_no_good(self, play: Any):
        async with replay(play) as server:
            await conformance.survives(KIND, server.url)

    @pytest.mark.parametrize("name", [name for name in HOSTILE if "key" not in name])  # it never saw the key
    async def test_a_host_of_pictures_that_means_no_good(self, name: str):
        async with (
            replay(HOSTILE[name]) as other,
            images_server(links=True, links_at=other.url) as server,
            connected(KIND, server.url, timeout=0.5, **SECRETS) as provider,
        ):
            with conformance.bounded_memory():
                conformance.fails_clearly(await listen(provider))

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (bomb(), "30000 by 30000 pixels"),
            (png(64, 64)[:-9], "cut short"),
            (b"<html>", "no picture that pluma knows"),
        ],
        ids=["bomb", "half", "html"],
    )
    @pytest.mark.parametrize("links", [False, True])
    async def test_a_picture_that_is_none(self, data: bytes, words: str, links: bool):
        async with images_server() as server, connected(KIND, server.url) as provider:
            server.pictures.append(data)
            entry = {"url": f"{server.url}/made/0"} if links else {"b64_json": b64encode(data).decode()}
            server.spoiled["/v1/images/generations"] = answer({"data": [entry]})
            with conformance.bounded_memory():
                outcome = await listen(provider)
        conformance.fails_clearly(outcome)
        assert words in str(outcome.error)

    async def test_more_pictures_than_were_asked_for_are_not_fetched(self):
        async with images_server() as server, connected(KIND, server.url) as provider:
            server.pictures.append(png(64, 64))
            entries = [{"url": f"{server.url}/made/0"}] * 500
            server.spoiled["/v1/images/generations"] = answer({"data": entries})
            outcome = await listen(provider)
        assert len(outcome.pictures) == 1
        assert len(server.requests) == 2

    async def test_pictures_by_link_are_limited_together(self):
        big = png(64, 64, padding="x" * (50 << 20))
        async with images_server() as server, connected(KIND, server.url) as provider:
            server.pictures.append(big)
            entries = [{"url": f"{server.url}/made/0"}] * 3
            server.spoiled["/v1/images/generations"] = answer({"data": entries})
            error = (await listen(provider, asking(count=3))).error
        assert isinstance(error, JobFailed)
        assert "more than" in error.message
        assert len(error.pictures) == 1


class TestStop:
    async def test_stopping_before_it_is_sent_sends_nothing(self):
        async with images_server() as server, connected(KIND, server.url) as provider:
            await stop_at(provider, lambda event: isinstance(event, Queued))
            assert server.requests == []

    async def test_stopping_closes_the_connection(self):
        async with replay(HOSTILE["hangs"]) as server, connected(KIND, server.url) as provider:
            listening = asyncio.create_task(listen(provider))
            async with asyncio.timeout(20):
                while not server.requests:
                    await asyncio.sleep(0)
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
            await asyncio.wait_for(server.left.wait(), 20)

    async def test_a_limit_of_time_is_told(self):
        async with replay(HOSTILE["hangs"]) as server, connected(KIND, server.url, timeout=0.2) as provider:
            error = (await listen(provider)).error
        assert isinstance(error, TimedOut)
        assert json.loads(server.requests[0].body)["prompt"] == "a cat"
