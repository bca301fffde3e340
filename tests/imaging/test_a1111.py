"""What is asked of A1111 and of those who have its routes, and what is made of their answers."""

import base64
import json
from typing import Any

import msgspec
import pytest

from pluma_tui.core.errors import NotFound, Unauthorized
from pluma_tui.core.images import Hires, ImageRequest, Lora, ServerInfo
from pluma_tui.core.profile import SecretRef
from pluma_tui.imaging.a1111 import A1111
from pluma_tui.imaging.base import (
    FreesMemory,
    HasSettings,
    ListsLoras,
    ListsSamplers,
    ListsUpscalers,
    RefreshesLists,
    SkipsPicture,
)
from tests.imaging import conformance
from tests.imaging.conformance import KEY, REQUEST, Outcome, connected, listen
from tests.imaging.pictures import png
from tests.servers.a1111 import FLAVOURS, RECORDED, SMALL, WITHOUT_INTERFACE, A1111Server, a1111
from tests.servers.by_path import by_path

pytestmark = pytest.mark.usefixtures("quick")
BIG = [flavour for flavour in FLAVOURS if flavour not in SMALL]
every_flavour = pytest.mark.parametrize("flavour", FLAVOURS)


async def drawn(
    flavour: str, request: ImageRequest, *, profile: dict[str, Any] | None = None, **settings: Any
) -> tuple[Outcome, A1111Server]:
    """What came of a request, and the server that was asked."""
    async with (
        a1111(flavour, **settings) as server,
        connected("a1111", server.url, **profile or {}) as provider,
    ):
        outcome = await listen(provider, request)
    return outcome, server


def asking(**fields: Any) -> ImageRequest:
    return msgspec.structs.replace(REQUEST, **fields)


@every_flavour
@pytest.mark.parametrize("count", [1, 3])
async def test_pictures_come_from_each_of_them(flavour: str, count: int):
    outcome, server = await drawn(flavour, asking(count=count, sampler="Euler a"))
    conformance.ends_once(outcome)
    assert len(outcome.pictures) == count
    assert outcome.notices == []
    seeds = [picture.seed for picture in outcome.pictures]
    assert seeds == [42 + at for at in range(count)]
    assert server.bodies[0]["prompt"] == "a cat"


@pytest.mark.parametrize("name", ["txt2img.json", "sdcpp-txt2img.json"])
async def test_a_recorded_answer_is_kept_to_the_byte(name: str):
    recorded = json.loads((RECORDED / name).read_text())
    lists = json.loads((RECORDED / name.replace("txt2img", "lists")).read_text())
    routes = {key.removeprefix("GET "): (told["status"], told.get("json", "")) for key, told in lists.items()}
    routes["/sdapi/v1/txt2img"] = (200, recorded["json"])
    async with by_path(routes) as seen, connected("a1111", f"http://127.0.0.1:{seen.port}") as provider:
        outcome = await listen(provider, asking(sampler="Euler a", negative_prompt="blurry"))
    conformance.ends_once(outcome)
    (picture,) = outcome.pictures
    assert picture.data == base64.b64decode(recorded["json"]["images"][0])
    assert (picture.media_type, picture.seed) == ("image/png", 42)
    assert picture.settings["checkpoint"].startswith("sd15rand")
    assert picture.settings["infotext"].startswith("a cat\nNegative prompt: blurry\nSteps: 2")
    assert outcome.notices == []


class TestRequest:
    async def test_what_is_unset_is_left_out(self):
        outcome, server = await drawn("A1111", ImageRequest(prompt="a cat"))
        (body,) = server.bodies
        assert set(body) == {"prompt", "seed", "force_task_id"}
        assert outcome.pictures[0].seed == body["seed"] >= 0

    async def test_everything_is_said_by_its_name(self):
        request = asking(
            negative_prompt="dull", cfg=6.5, sampler="Euler a", checkpoint="sd15rand.safetensors", vae="v",
            clip_skip=2, count=2, hires=Hires(scale=1.5, upscaler="Latent", steps=7, strength=0.4),
        )  # fmt: skip
        outcome, server = await drawn("A1111", request)
        (body,) = server.bodies
        body.pop("force_task_id")
        assert body == {
            "prompt": "a cat", "negative_prompt": "dull", "width": 64, "height": 64, "steps": 2, "seed": 42,
            "cfg_scale": 6.5, "sampler_name": "Euler a", "n_iter": 2, "enable_hr": True, "hr_scale": 1.5,
            "hr_upscaler": "Latent", "hr_second_pass_steps": 7, "denoising_strength": 0.4,
            "override_settings": {
                "sd_model_checkpoint": "sd15rand.safetensors", "sd_vae": "v", "CLIP_stop_at_last_layers": 2,
            },
        }  # fmt: skip
        conformance.ends_once(outcome)

    async def test_the_profile_fills_in_and_the_request_goes_before(self):
        profile = {"steps": 9, "cfg": 3.0, "width": 128, "negative_prompt": "dull", "sampler": "Heun"}
        _, server = await drawn("A1111", asking(sampler="Euler"), profile=profile)
        body = server.bodies[0]
        said = (
            body["steps"],
            body["cfg_scale"],
            body["width"],
            body["negative_prompt"],
            body["sampler_name"],
        )
        assert said == (2, 3.0, 64, "dull", "Euler")

    async def test_options_go_along_and_settings_are_joined(self):
        options = {
            "alwayson_scripts": {"ADetailer": {"args": [True]}},
            "override_settings": {"eta_noise_seed_delta": 31337},
        }
        request = asking(checkpoint="sd15rand", options=options)
        _, server = await drawn("A1111", request, profile={"options": {"tiling": True}})
        body = server.bodies[0]
        assert (body["tiling"], body["alwayson_scripts"]) == (True, options["alwayson_scripts"])
        assert body["override_settings"] == {"eta_noise_seed_delta": 31337, "sd_model_checkpoint": "sd15rand"}

    @pytest.mark.parametrize("flavour", FLAVOURS)
    async def test_a_picture_to_begin_with(self, flavour: str):
        start, mask = png(64, 64), png(64, 64, what="mask")
        outcome, server = await drawn(flavour, asking(init_image=start, mask=mask, strength=0.5))
        conformance.ends_once(outcome)
        body = server.bodies[0]
        assert "sdapi/v1/img2img" in server.paths
        assert base64.b64decode(body["init_images"][0]) == start
        assert base64.b64decode(body["mask"]) == mask
        assert body["denoising_strength"] == 0.5

    async def test_forge_gets_what_it_would_stumble_over_without(self):
        _, server = await drawn("Forge", asking(hires=Hires(), vae="AE"))
        body = server.bodies[0]
        assert body["hr_additional_modules"] == ["Use same choices"]
        assert body["override_settings"] == {"forge_additional_modules": ["models/VAE/ae.safetensors"]}

    async def test_pictures_drawn_together_are_asked_for_in_fewer_rounds(self):
        outcome, server = await drawn("A1111", asking(count=4, options={"batch_size": 2}))
        assert (server.bodies[0]["n_iter"], server.bodies[0]["batch_size"]) == (2, 2)
        assert [picture.seed for picture in outcome.pictures] == [42, 43, 44, 45]

    @pytest.mark.parametrize(
        ("count", "asked"), [(1, [(1, 1)]), (3, [(1, 2), (1, 1)]), (5, [(2, 2), (1, 1)])]
    )
    async def test_no_more_are_drawn_together_than_are_wanted(self, count: int, asked: list[tuple[int, int]]):
        outcome, server = await drawn("A1111", asking(count=count, options={"batch_size": 2}))
        assert [(body.get("n_iter", 1), body["batch_size"]) for body in server.bodies] == asked
        assert [picture.seed for picture in outcome.pictures] == list(range(42, 42 + count))

    async def test_no_negative_prompt_at_all_goes_before_the_profile_s(self):
        profile = {"negative_prompt": "dull"}
        for said, sent in ((None, "dull"), ("", ""), ("grey", "grey")):
            _, server = await drawn("A1111", asking(negative_prompt=said), profile=profile)
            assert server.bodies[0]["negative_prompt"] == sent

    async def test_a_grid_is_no_picture(self):
        outcome, _ = await drawn("A1111", asking(count=2, options={"save_images": True}))
        assert [picture.seed for picture in outcome.pictures] == [42, 43]
        assert "Seed: 43" in outcome.pictures[1].settings["infotext"]

    async def test_large_ones_come_in_several_answers(self):
        outcome, server = await drawn("A1111", asking(width=4096, height=4096, count=2))
        assert [body.get("n_iter", 1) for body in server.bodies] == [1, 1]
        assert [picture.seed for picture in outcome.pictures] == [42, 43]

    async def test_the_small_ones_take_eight_at_a_time(self):
        outcome, server = await drawn("stable-diffusion.cpp", asking(count=9))
        assert [body.get("batch_size", 1) for body in server.bodies] == [8, 1]
        assert [picture.seed for picture in outcome.pictures] == list(range(42, 51))


class TestNames:
    @every_flavour
    async def test_loras_are_told_as_each_of_them_reads_them(self, flavour: str):
        request = asking(loras=(Lora("ink", 0.5), Lora("gone")))
        outcome, server = await drawn(flavour, request, loras=("ink",))
        body = server.bodies[0]
        if flavour == "stable-diffusion.cpp":
            assert (body["prompt"], body["lora"]) == (
                "a cat",
                [{"path": "loras/ink.safetensors", "multiplier": 0.5}],
            )
        else:
            assert body["prompt"] == "a cat <lora:ink:0.5> <lora:gone:1>"
        assert outcome.notices == ['it knows no LoRA "gone". It has: ink.']

    async def test_before_schedulers_they_were_in_the_name(self):
        outcome, server = await drawn("A1111", asking(sampler="DPM++ 2M", scheduler="karras"))
        assert server.bodies[0]["sampler_name"] == "DPM++ 2M Karras"
        assert "scheduler" not in server.bodies[0]
        assert outcome.notices == []

    async def test_a_scheduler_that_cannot_be_is_told(self):
        outcome, server = await drawn("A1111", asking(sampler="Euler", scheduler="Karras"))
        assert outcome.notices == ['this server knows no schedulers: "Karras" is ignored']
        outcome, server = await drawn("Forge", asking(sampler="Euler", scheduler="Nope"))
        assert outcome.notices == ['it knows no scheduler "Nope". It has: Karras.']
        outcome, server = await drawn("Forge", asking(sampler="Euler", scheduler="karras"))
        assert (outcome.notices, server.bodies[0]["scheduler"]) == ([], "karras")

    @pytest.mark.parametrize("flavour", FLAVOURS)
    async def test_a_checkpoint_that_is_ignored_is_told(self, flavour: str):
        outcome, _ = await drawn(flavour, asking(checkpoint="dreams.safetensors"))
        (notice,) = outcome.notices
        assert '"dreams.safetensors"' in notice
        assert "sd15" in notice

    @pytest.mark.parametrize("name", ["sd15rand", "sd15rand.safetensors", "a/SD15rand.ckpt [0a1b2c]", "sd15"])
    async def test_a_checkpoint_has_many_names(self, name: str):
        outcome, _ = await drawn("A1111", asking(checkpoint=name))
        assert outcome.notices == []

    async def test_a_module_that_forge_does_not_have_is_told(self):
        outcome, server = await drawn("Forge", asking(vae="nope"))
        assert outcome.notices == ['it knows no module "nope". It has: ae.safetensors.']
        assert server.bodies[0]["override_settings"] == {"forge_additional_modules": ["nope"]}

    @pytest.mark.parametrize("title", ["ADetailer", "adetailer"])
    async def test_an_extension_gets_its_arguments_and_its_title_is_the_server_s_matter(self, title: str):
        scripts = {title: {"args": [True, False, {"ad_model": "face_yolov8n.pt"}]}}
        outcome, server = await drawn("SD.Next", asking(options={"alwayson_scripts": scripts}))
        conformance.ends_once(outcome)
        assert server.bodies[0]["alwayson_scripts"] == scripts

    @pytest.mark.parametrize(("flavour", "made"), [("A1111", 96), ("stable-diffusion.cpp", 128)])
    async def test_another_size_than_was_asked_for_is_told(self, flavour: str, made: int):
        outcome, _ = await drawn(flavour, asking(width=100))
        assert outcome.notices == [f"made {made} by 64 instead of 100 by 64"]

    @pytest.mark.parametrize(
        ("flavour", "fields"), [("KoboldCpp", {"hires": Hires()}), *((name, {"vae": "ae"}) for name in SMALL)]
    )
    async def test_what_the_small_ones_cannot_do_is_told(self, flavour: str, fields: dict[str, Any]):
        outcome, server = await drawn(flavour, asking(**fields))
        assert len(outcome.notices) == 1
        assert not {"enable_hr", "override_settings"} & set(server.bodies[0])


class TestServer:
    @pytest.mark.parametrize(
        ("flavour", "info"),
        [
            ("A1111", ServerInfo("A1111")),
            (WITHOUT_INTERFACE, ServerInfo("A1111")),
            ("Forge", ServerInfo("Forge")),
            ("SD.Next", ServerInfo("SD.Next", "2026-07-23")),
            ("stable-diffusion.cpp", ServerInfo("stable-diffusion.cpp")),
            ("KoboldCpp", ServerInfo("KoboldCpp", "1.77")),
        ],
    )
    async def test_a_ping_tells_who_it_is(self, flavour: str, info: ServerInfo):
        async with a1111(flavour) as server, connected("a1111", server.url) as provider:
            assert await provider.ping() == info

    async def test_what_it_has_is_listed(self):
        async with a1111("A1111", loras=("ink",)) as server, connected("a1111", server.url) as provider:
            assert isinstance(provider, ListsSamplers)
            assert isinstance(provider, ListsLoras)
            assert isinstance(provider, ListsUpscalers)
            assert await provider.checkpoints() == ["sd15rand.safetensors"]
            assert "Euler a" in await provider.samplers()
            assert await provider.schedulers() == []
            assert await provider.loras() == ["ink"]
            assert {"Lanczos", "Latent (bicubic)"} <= set(await provider.upscalers())
        async with a1111("stable-diffusion.cpp") as server, connected("a1111", server.url) as provider:
            assert isinstance(provider, ListsSamplers)
            assert "karras" in await provider.schedulers()

    async def test_its_memory_is_freed(self):
        async with a1111("A1111") as server, connected("a1111", server.url) as provider:
            assert isinstance(provider, FreesMemory)
            await provider.free()
            assert server.paths == ["sdapi/v1/unload-checkpoint"]

    @pytest.mark.parametrize("flavour", BIG)
    async def test_new_models_are_looked_for(self, flavour: str):
        async with (
            a1111(flavour, unseen=("ink_v1.safetensors",)) as server,
            connected("a1111", server.url) as provider,
        ):
            assert isinstance(provider, RefreshesLists)
            await provider.refresh()
            assert await provider.checkpoints() == ["sd15rand.safetensors", "ink_v1.safetensors"]
            assert "sdapi/v1/refresh-loras" in server.paths

    @pytest.mark.parametrize("flavour", BIG)
    async def test_a_picture_is_skipped(self, flavour: str):
        async with a1111(flavour) as server, connected("a1111", server.url) as provider:
            assert isinstance(provider, SkipsPicture)
            await provider.skip()
            assert server.skipped == 1

    @pytest.mark.parametrize("flavour", BIG)
    async def test_settings_are_read_and_changed(self, flavour: str):
        async with a1111(flavour) as server, connected("a1111", server.url) as provider:
            assert isinstance(provider, HasSettings)
            assert (await provider.settings())["samples_format"] == "png"
            await provider.change_settings({"samples_format": "webp"})
            assert server.changed == {"samples_format": "webp"}
            assert (await provider.settings())["samples_format"] == "webp"
            with pytest.raises(NotFound, match="model 'nope' not found") as caught:
                await provider.change_settings({"sd_model_checkpoint": "nope"})
            assert caught.value.hint == "It has: sd15rand.safetensors."

    @pytest.mark.parametrize("flavour", SMALL)
    async def test_what_the_small_ones_cannot_be_told_is_said_in_words(self, flavour: str):
        async with a1111(flavour) as server, connected("a1111", server.url) as provider:
            assert isinstance(provider, A1111)
            orders = [
                (provider.skip(), "skip a picture"),
                (provider.refresh(), "look for new models"),
                (provider.change_settings({"samples_format": "webp"}), "change its settings"),
                (provider.free(), "unload its checkpoint"),
            ]
            for order, words in orders:
                words = f"{server.url} cannot {words}: it has no sdapi/v1/"
                with pytest.raises(NotFound, match=words) as caught:
                    await order
                assert caught.value.hint == ""
            assert "sd_model_checkpoint" in await provider.settings()

    async def test_a_wrong_password_is_not_a_missing_route(self):
        async with a1111("A1111", auth="ann:another") as server, connected("a1111", server.url) as provider:
            assert isinstance(provider, RefreshesLists)
            with pytest.raises(Unauthorized) as caught:
                await provider.refresh()
            assert "user:password" in caught.value.hint

    @pytest.mark.parametrize("path", ["", "/", "/sdapi/v1", "/sdapi/v1/"])
    async def test_the_address_may_name_the_api_too(self, path: str):
        async with a1111("A1111") as server, connected("a1111", server.url + path) as provider:
            conformance.ends_once(await listen(provider))

    async def test_a_name_and_a_password_are_sent_unasked(self):
        async with a1111("A1111", auth=KEY) as server:
            async with connected("a1111", server.url, auth=SecretRef("env", "AUTH")) as provider:
                conformance.ends_once(await listen(provider))
            with_them = server.url.replace("//", f"//{KEY}@")
            async with connected("a1111", with_them) as provider:
                assert KEY not in provider.upstream
                assert await provider.ping() == ServerInfo("A1111")
