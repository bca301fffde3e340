"""What goes wrong at an A1111 server, in words that help; and servers that mean no good."""

import base64
import json
from typing import Any

import msgspec
import pytest

from pluma_tui.core.errors import (
    BrokenStream,
    JobFailed,
    NotFound,
    ProviderError,
    Refused,
    SecretError,
    TimedOut,
    Unauthorized,
)
from pluma_tui.core.images import ImageRequest
from pluma_tui.core.profile import SecretRef
from pluma_tui.imaging.base import ListsLoras
from tests.imaging import conformance
from tests.imaging.conformance import HOSTILE, KEY, REQUEST, connected, listen
from tests.imaging.pictures import bomb, png
from tests.servers.a1111 import SMALL, A1111Server, a1111
from tests.servers.replay import answer, replay

pytestmark = pytest.mark.usefixtures("quick")
DRAW = "sdapi/v1/txt2img"


def asking(**fields: Any) -> ImageRequest:
    return msgspec.structs.replace(REQUEST, **fields)


async def failed(
    flavour: str, request: ImageRequest = REQUEST, *, profile: dict[str, Any] | None = None, **settings: Any
) -> ProviderError:
    """The error that a request ends with."""
    async with (
        a1111(flavour, **settings) as server,
        connected("a1111", server.url, **profile or {}) as provider,
    ):
        outcome = await listen(provider, request)
    conformance.fails_clearly(outcome)
    assert outcome.error
    return outcome.error


class TestRefusals:
    @pytest.mark.parametrize(("flavour", "status"), [("A1111", 404), ("Forge", 400), ("SD.Next", 404)])
    async def test_an_unknown_sampler_is_told_with_those_there_are(self, flavour: str, status: int):
        error = await failed(flavour, asking(sampler="Nope 3000"))
        assert isinstance(error, NotFound)
        assert error.status == status
        assert error.message.startswith('it has no sampler "Nope 3000": Sampler not found')
        assert error.hint.startswith("It has: DPM++ 2M Karras, ")
        assert "Euler a" in error.hint

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"options": {"alwayson_scripts": {"nope": {}}}}, "Script 'nope' not found"),
            ({"init_image": b"@@@"}, "Invalid encoded image"),
            ({"width": 0}, "RuntimeError: Calculated padded input size per channel"),
            ({"steps": 0}, "ZeroDivisionError: integer division or modulo by zero"),
            ({"options": {"negative_prompt": None}}, "TypeError: 'NoneType' object is not iterable"),
        ],
    )
    async def test_the_server_s_own_words_are_told(self, fields: dict[str, Any], words: str):
        error = await failed("A1111", asking(**fields))
        assert isinstance(error, Refused)
        assert error.message.startswith(words)
        assert isinstance(error, JobFailed) is (error.status >= 500)

    @pytest.mark.parametrize(
        ("flavour", "words"),
        [
            ("A1111", "OutOfMemoryError: CUDA out of memory."),
            ("Forge", "CUDA out of memory."),
            ("SD.Next", "OutOfMemoryError: CUDA out of memory."),
        ],
    )
    async def test_too_little_memory_is_told_with_what_helps(self, flavour: str, words: str):
        error = await failed(flavour, memory=100)
        assert isinstance(error, JobFailed)
        assert error.message.startswith(words)
        assert "smaller picture" in error.hint

    @pytest.mark.parametrize(
        ("flavour", "words"),
        [("A1111", "value is not a valid integer"), ("Forge", "Input should be a valid integer")],
    )
    async def test_a_value_of_the_wrong_kind_is_named(self, flavour: str, words: str):
        error = await failed(flavour, asking(options={"steps": "many"}))
        assert isinstance(error, Refused)
        assert error.status == 422
        assert error.message.startswith(f"body.steps: {words}")

    async def test_a_list_that_is_not_there_is_no_reason_to_change_base_url_to_v1(self):
        async with a1111("KoboldCpp") as server, connected("a1111", server.url) as provider:
            assert isinstance(provider, ListsLoras)
            with pytest.raises(NotFound) as caught:
                await provider.loras()
        assert "/v1" not in caught.value.hint
        assert "without /sdapi" in caught.value.hint

    @pytest.mark.parametrize("flavour", SMALL)
    async def test_the_small_ones_are_understood(self, flavour: str):
        error = await failed(flavour, asking(prompt=""))
        assert isinstance(error, Refused)
        assert error.message.startswith("prompt required")
        error = await failed(flavour, asking(options={"negative_prompt": None}))
        assert error.message.startswith("server_error: [json.exception.type_error.302]")

    async def test_a_checkpoint_that_forge_refuses_is_told_with_those_there_are(self):
        no = {"error": "RuntimeError", "detail": "", "errors": "model 'x' not found"}
        async with a1111("Forge") as server, connected("a1111", server.url) as provider:
            server.spoiled[DRAW] = answer(no, status=500)
            error = (await listen(provider, asking(checkpoint="x"))).error
        assert isinstance(error, NotFound)
        assert error.hint == "It has: sd15rand.safetensors."

    async def test_a_server_without_its_api_is_told_how_to_get_it(self):
        no = answer({"detail": "Not Found"}, status=404)
        async with replay(no) as server, connected("a1111", server.url) as provider:
            with pytest.raises(NotFound) as caught:
                await provider.ping()
        assert "--api" in caught.value.hint


class TestSecrets:
    @pytest.mark.parametrize("flavour", ["A1111", "Forge", "SD.Next"])
    @pytest.mark.parametrize("profile", [{}, {"auth": SecretRef("env", "AUTH")}], ids=["none", "wrong"])
    async def test_a_stranger_is_told_what_the_server_wants(self, flavour: str, profile: dict[str, Any]):
        error = await failed(flavour, profile=profile, auth="ann:another")
        assert isinstance(error, Unauthorized)
        words = "Incorrect username" if profile else "Not authenticated"
        assert error.message.startswith("Unauthorized" if flavour == "SD.Next" else words)
        assert "user:password" in error.hint

    async def test_lists_say_so_too(self):
        async with a1111("A1111", auth=KEY) as server, connected("a1111", server.url) as provider:
            with pytest.raises(Unauthorized, match="Not authenticated") as caught:
                await provider.checkpoints()
        assert "user:password" in caught.value.hint

    async def test_a_secret_without_a_colon_is_no_name_and_password(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(conformance, "KEY", "colonless")
        async with a1111("A1111") as server:
            async with connected("a1111", server.url, auth=SecretRef("env", "AUTH")) as provider:
                with pytest.raises(SecretError, match="env:AUTH is not of the form user:password") as caught:
                    await provider.ping()
            assert server.paths == []
        assert "colonless" not in f"{caught.value} {caught.value.hint}"


def made(*pictures: bytes, info: Any = "") -> bytes:
    """An answer to a job, as it goes over the line."""
    return answer({"images": [base64.b64encode(data).decode() for data in pictures], "info": info})


class TestHostile:
    @pytest.mark.parametrize("play", HOSTILE.values(), ids=HOSTILE.keys())
    @pytest.mark.parametrize("secret", ["api_key", "auth"])
    async def test_a_server_that_means_no_good(self, play: Any, secret: str):
        async with replay(play) as server:
            await conformance.survives("a1111", server.url, secret=secret)

    @pytest.mark.parametrize(
        ("spoiled", "words"),
        [
            (b"", "closed the connection"),
            (made(png(64, 64))[:150], "no whole answer"),
            (answer("<!DOCTYPE html>", kind="text/html"), "web page"),
            (answer("<!DOCTYPE html>", kind="application/json"), "no whole answer"),
            (answer({"images": []}), "no picture"),
            (answer({"images": None}), "no picture"),
            (answer({"images": [5]}), "a picture that is no base64"),
            (answer({"images": ["@@@"]}), "no picture that pluma knows"),
            (answer({"images": ["abcde"]}), "a picture that is no base64"),
            (answer({"error": f"no such key: {KEY}"}), "no such key"),
            (answer([]), "no whole answer"),
            (made(b"<html>"), "no picture that pluma knows"),
            (made(png(64, 64)[:-20]), "cut short"),
            (made(png(64, 64), bomb()), "30000 by 30000 pixels"),
            (made(png(64, 64), info='{"index_of_first_image": 7}'), "no picture"),
        ],
    )
    async def test_an_answer_that_is_none(self, spoiled: bytes, words: str):
        profile = {"auth": SecretRef("env", "AUTH")}
        async with a1111("A1111") as server, connected("a1111", server.url, **profile) as provider:
            server.spoiled[DRAW] = spoiled
            with conformance.bounded_memory():
                outcome = await listen(provider)
        conformance.fails_clearly(outcome)
        assert words in str(outcome.error)

    async def test_an_answer_without_end(self):
        flood = (
            b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n" + b'{"images": ["' + b"A" * (90 << 20)
        )
        async with a1111("A1111") as server, connected("a1111", server.url) as provider:
            server.spoiled[DRAW] = flood
            with conformance.bounded_memory():
                error = (await listen(provider)).error
        assert isinstance(error, BrokenStream)
        assert "more than 80 MB" in error.message

    async def test_a_large_answer_fits(self):
        data = png(64, 64, padding="x" * (50 << 20))
        async with a1111("A1111", picture=data) as server, connected("a1111", server.url) as provider:
            outcome = await listen(provider)
        assert outcome.pictures[0].data == data

    @pytest.mark.parametrize(
        "info", ["", None, "no JSON", "[]", "{}", 7, '{"all_seeds": 3, "infotexts": {}}']
    )
    async def test_info_may_be_anything(self, info: Any):
        async with a1111("A1111") as server, connected("a1111", server.url) as provider:
            server.spoiled[DRAW] = made(png(64, 64), png(64, 64), info=info)
            outcome = await listen(provider, asking(count=2))
        conformance.ends_once(outcome)
        assert [picture.seed for picture in outcome.pictures] == [42, None]

    async def test_info_may_be_missing_and_pictures_be_data_urls(self):
        url = "data:image/png;base64," + base64.b64encode(png(64, 64)).decode()
        async with a1111("A1111") as server, connected("a1111", server.url) as provider:
            server.spoiled[DRAW] = answer(
                json.dumps({"images": [url]}).replace("/", r"\/"), kind="application/json"
            )
            conformance.ends_once(await listen(provider))


class TestKept:
    @pytest.mark.parametrize("pictures", [(png(8, 8), png(9, 9)[:-20]), (b"<html>", png(8, 8))])
    async def test_bug_a_picture_was_lost_with_one_beside_it_that_is_none(self, pictures: tuple[bytes, ...]):
        async with a1111("A1111") as server, connected("a1111", server.url) as provider:
            server.spoiled[DRAW] = made(*pictures)
            outcome = await listen(provider, asking(count=2))
        assert isinstance(outcome.error, JobFailed)
        assert [picture.data for picture in outcome.error.pictures] == [png(8, 8)]

    async def test_what_is_sent_beside_the_pictures_is_kept_but_not_without_end(self):
        async with a1111("A1111") as server, connected("a1111", server.url) as provider:
            server.spoiled[DRAW] = made(*[png(8, 8)] * 70)
            outcome = await listen(provider)
        conformance.ends_once(outcome)
        assert len(outcome.pictures) == 65
        assert any("5 more pictures" in notice for notice in outcome.notices)

    @pytest.mark.parametrize(
        ("spoiled", "status"),
        [(b"", 0), (answer({"detail": "no"}, status=500), 500), (made(b"<html>"), 0)],
    )
    async def test_what_was_drawn_before_an_error_is_kept(
        self, spoiled: bytes, status: int, monkeypatch: pytest.MonkeyPatch
    ):
        request = asking(count=2, width=4096, height=4096)
        first = A1111Server._draw

        async def once(self: A1111Server, body: dict[str, Any], path: str) -> Any:
            self.spoiled[DRAW] = spoiled
            return await first(self, body, path)

        monkeypatch.setattr(A1111Server, "_draw", once)
        error = await failed("A1111", request)
        assert isinstance(error, JobFailed)
        assert error.status == status
        assert [picture.seed for picture in error.pictures] == [42]

    async def test_a_server_that_hangs_in_mid_job_is_left_in_time(self):
        async with a1111("A1111") as server, connected("a1111", server.url, timeout=0.2) as provider:
            server.spoiled |= {DRAW: None, "sdapi/v1/progress": None, "internal/progress": None}
            error = (await listen(provider)).error
        assert isinstance(error, TimedOut)
