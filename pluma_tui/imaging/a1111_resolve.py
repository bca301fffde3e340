"""Names as an A1111 server knows them. What it would ignore without a word is told as a notice."""

from collections.abc import Sequence

from msgspec.structs import replace

from pluma_tui.core.images import Hires, ImageRequest, Lora
from pluma_tui.imaging.a1111_api import FORGE, SD_CPP, Api, Server, known
from pluma_tui.imaging.a1111_names import like, same
from pluma_tui.imaging.a1111_request import Json, Wanted
from pluma_tui.imaging.sniff import is_grey, sniff


async def resolve(request: ImageRequest, server: Server, api: Api) -> Wanted:
    """Look up what the server must be asked about first. Raises ProviderError."""
    wanted = Wanted(request, server)
    if request.scheduler:
        await _resolve_scheduler(wanted, api)
    if request.loras:
        await _resolve_loras(wanted, api)
    if request.vae:
        await _resolve_vae(wanted, api)
    if request.checkpoint and server.small:
        _resolve_checkpoint(wanted)
    if request.hires:
        await _resolve_hires(wanted, request.hires, api)
    if server.info.name == SD_CPP:
        _check_pictures(wanted)
    return wanted


async def _resolve_scheduler(wanted: Wanted, api: Api) -> None:
    """Before A1111 1.9 a scheduler was part of the sampler's name: "DPM++ 2M Karras"."""
    request = wanted.request
    entries = await api.entries_if_any("sdapi/v1/schedulers")
    if entries is not None:
        names = [str(entry.get("label") or entry.get("name")) for entry in entries]
        if not any(
            like(request.scheduler, str(entry.get(key))) for entry in entries for key in ("name", "label")
        ):
            wanted.say(f'it knows no scheduler "{request.scheduler}". {known(names)}'.strip())
        return
    samplers = [str(entry.get("name")) for entry in await api.entries_if_any("sdapi/v1/samplers") or ()]
    joined = [name for name in samplers if like(name, f"{request.sampler} {request.scheduler}")]
    if joined and request.sampler:
        wanted.request = replace(request, sampler=joined[0], scheduler="")
    else:
        wanted.say(f'this server knows no schedulers: "{request.scheduler}" is ignored')
        wanted.request = replace(request, scheduler="")


async def _resolve_loras(wanted: Wanted, api: Api) -> None:
    """A1111 reads them out of the prompt; stable-diffusion.cpp wants their paths in a field of its own."""
    request = wanted.request
    entries = await api.entries_if_any("sdapi/v1/loras")
    found = [(lora, _find(lora, entries or ())) for lora in request.loras]
    for lora, entry in found:
        if entry is None and entries is not None:
            wanted.say(
                f'it knows no LoRA "{lora.name}". {known([str(e.get("name")) for e in entries])}'.strip()
            )
    if wanted.server.info.name == SD_CPP:
        there = [{"path": entry.get("path"), "multiplier": lora.weight} for lora, entry in found if entry]
        wanted.fields["lora"] = there or None
    else:
        tags = " ".join(f"<lora:{lora.name}:{lora.weight:g}>" for lora in request.loras)
        wanted.request = replace(request, prompt=f"{request.prompt} {tags}".lstrip())


def _find(lora: Lora, entries: Sequence[Json]) -> Json | None:
    names = ("name", "alias", "path")
    return next((entry for entry in entries if any(same(lora.name, str(entry.get(n))) for n in names)), None)


async def _resolve_vae(wanted: Wanted, api: Api) -> None:
    """Forge has modules instead of VAEs, and wants their paths."""
    request = wanted.request
    if wanted.server.small:
        wanted.say(f'this server cannot change its VAE: "{request.vae}" is ignored')
        return
    if wanted.server.info.name != FORGE:
        return
    entries = await api.entries_if_any("sdapi/v1/sd-modules") or []
    match = next((entry for entry in entries if same(request.vae, str(entry.get("model_name")))), None)
    if match is None:
        names = known([str(entry.get("model_name")) for entry in entries])
        wanted.say(f'it knows no module "{request.vae}". {names}'.strip())
    elif isinstance(match.get("filename"), str):
        wanted.request = replace(request, vae=match["filename"])


def _resolve_checkpoint(wanted: Wanted) -> None:
    """The small ones draw with what they have loaded; that they cannot change is told once."""
    asked, loaded = wanted.request.checkpoint, wanted.server.checkpoint
    if not same(asked, loaded):
        wanted.say(f'it draws with "{loaded}"; it cannot change to "{asked}"')
    wanted.request = replace(wanted.request, checkpoint="")


async def _resolve_hires(wanted: Wanted, hires: Hires, api: Api) -> None:
    """stable-diffusion.cpp refuses another spelling of an upscaler, in words that do not name it."""
    server, from_picture = wanted.server, wanted.request.init_image is not None
    if from_picture or (server.small and server.info.name != SD_CPP):
        what = "an init image" if from_picture else "this server"
        wanted.say(f"no second pass at a larger size with {what}")
        wanted.request = replace(wanted.request, hires=None)
    elif hires.upscaler and server.info.name == SD_CPP:
        models = await api.entries_if_any("sdapi/v1/upscalers") or []
        modes = await api.entries_if_any("sdapi/v1/latent-upscale-modes") or []
        names = [str(entry.get("name")) for entry in models + modes]
        match = next((name for name in names if like(name, hires.upscaler)), "")
        if match:
            wanted.request = replace(wanted.request, hires=replace(hires, upscaler=match))
        else:
            wanted.say(f'it knows no upscaler "{hires.upscaler}". {known(names)}'.strip())


def _check_pictures(wanted: Wanted) -> None:
    """stable-diffusion.cpp leaves out a picture that it cannot read, and draws as if none had been sent.

    It wants three channels for the init image (examples/common/media_io.cpp, load_image_common).
    """
    request = wanted.request
    pictures = {"init image": request.init_image, "mask": request.mask}
    for what, data in pictures.items():
        shape = sniff(data) if data is not None else None
        if shape and shape.media_type == "image/webp" and not wanted.server.webp:
            wanted.say(f"this server was built without WebP: it draws without the {what}")
    if request.init_image is not None and is_grey(request.init_image):
        wanted.say("this server reads no picture without colour: it draws without the init image")
