"""What an A1111 server answers to a job: pictures as base64, and `info`, which is JSON inside a string."""

from typing import Any

import msgspec

from pluma_tui.core.errors import BrokenStream
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageRequest, Picture
from pluma_tui.imaging import infotext, infotext_sdcpp
from pluma_tui.imaging.a1111_names import like, stem
from pluma_tui.imaging.sniff import from_base64, picture, png_texts, sniff
from pluma_tui.transport.json import read_json

_EXTRAS = 64  # pictures beside those that were asked for: what ControlNet looked at, what a script adds
_MAX_INFO = 4 * 1024 * 1024  # bytes; a hundred pictures with long prompts take one million
_DIGITS = 20  # of a number below 2**64
_TOLD = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "width": "width",
    "height": "height",
    "steps": "steps",
    "cfg_scale": "cfg",
    "sampler_name": "sampler",
    "sd_model_name": "checkpoint",
    "sd_vae_name": "vae",
    "clip_skip": "clip_skip",
    "denoising_strength": "strength",
}


class Answer(msgspec.Struct):
    """As it is sent: nothing is unpacked yet, and not copied either."""

    images: list[msgspec.Raw] | None = None
    info: msgspec.Raw = msgspec.Raw(b"{}")


class Made(msgspec.Struct):
    """The pictures of one answer, with an error in the place of one that is none.

    `expected`: how many the server meant to make, 0 if it does not tell. `left`: how many came that are
    more than is taken.
    """

    pictures: tuple[Picture | BrokenStream, ...]
    expected: int
    left: int

    @property
    def problem(self) -> BrokenStream | None:
        """What is wrong with the first that is no picture."""
        return next((one for one in self.pictures if isinstance(one, BrokenStream)), None)


def read(body: bytearray, upstream: str, request: ImageRequest, done: int, count: int) -> Made:
    """The pictures in an answer, without a grid of them. Raises BrokenStream.

    `done` pictures of the request were made before: the seed counts on from there. `count` were asked for.
    """
    try:
        answer = msgspec.json.decode(body, type=Answer)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
        raise BrokenStream(f"{upstream} sent what is no whole answer to a job") from None
    info = _info(answer.info)
    skip = _number(info.get("index_of_first_image")) or 0
    raw = (answer.images or [])[skip:]
    if not raw:
        raise BrokenStream(f"{upstream} sent no picture")
    taken = raw[: count + _EXTRAS]
    pictures = tuple(
        _picture(text, upstream, info, at, (request.seed or 0) + done) for at, text in enumerate(taken)
    )
    return Made(pictures, len(_list(info.get("all_seeds"))), len(raw) - len(taken))


def ignored(request: ImageRequest, first: Picture) -> list[Notice]:
    """What the server did not do as it was told, by what it says of the picture itself."""
    said, notices = first.settings, []
    checkpoint, sampler = said.get("checkpoint"), said.get("sampler")
    # A1111 takes a part of a checkpoint's name for it, and drops a name that fits none.
    if request.checkpoint and checkpoint and stem(request.checkpoint) not in stem(str(checkpoint)):
        notices.append(Notice(f'drawn with "{checkpoint}": the server knows no "{request.checkpoint}"'))
    if request.sampler and sampler and not _samplers_agree(request.sampler, str(sampler)):
        drawn = "its own sampler" if sampler == infotext_sdcpp.OWN else f'the sampler "{sampler}"'
        notices.append(Notice(f'drawn with {drawn}: the server knows no "{request.sampler}"'))
    notices += _other_numbers(request, first)
    shape = sniff(first.data)
    asked = (request.width, request.height)
    if shape and None not in asked and not request.hires and (shape.width, shape.height) != asked:
        notices.append(Notice(f"made {shape.width} by {shape.height} instead of {asked[0]} by {asked[1]}"))
    return notices


def _other_numbers(request: ImageRequest, first: Picture) -> list[Notice]:
    """stable-diffusion.cpp takes no more than 100 steps, and seeds of 32 bits with a sign."""
    steps = _number(first.settings.get("steps"))
    asked = {name: getattr(request, name) for name in ("steps", "seed") if name not in request.options}
    notices = []
    if None not in (asked.get("steps"), steps) and asked["steps"] != steps:
        notices.append(Notice(f"drawn with {steps} steps instead of {asked['steps']}"))
    if None not in (asked.get("seed"), first.seed) and asked["seed"] != first.seed:
        notices.append(Notice(f"drawn with the seed {first.seed} instead of {asked['seed']}"))
    return notices


def _samplers_agree(asked: str, said: str) -> bool:
    if said == infotext_sdcpp.OWN:
        return like(asked, "default")
    # "DPM++ 2M Karras" is drawn by "DPM++ 2M" with a scheduler.
    short, long = sorted((asked, said), key=len)
    return like(short, long) or any(like(short, long[:end]) for end in range(len(short), len(long)))


def _picture(
    packed: msgspec.Raw, upstream: str, info: dict[str, Any], at: int, seed: int
) -> Picture | BrokenStream:
    try:
        data = from_base64(packed, upstream)
        settings, known = _told(data, info, at, seed)
        return picture(data, upstream, seed=known, settings=settings)
    except BrokenStream as error:
        # Another one: the frames that it came through hold what is no picture.
        return BrokenStream(error.message, hint=error.hint)


def _told(data: bytes, info: dict[str, Any], at: int, seed: int) -> tuple[dict[str, Any], int | None]:
    """What is known of the picture `at`: its settings and its seed; `seed` is that of the first."""
    settings = _settings(info, at)
    text = settings.get("infotext") or png_texts(data).get("parameters", "")
    said = infotext.settings(text.rstrip().rpartition("\n")[2])
    if text:
        settings["infotext"] = text
    for name, told in (("sampler", "Sampler"), ("checkpoint", "Model"), ("scheduler", "Schedule type")):
        if told in said:
            settings.setdefault(name, said[told])
    if (steps := _number(said.get("Steps"))) is not None:
        settings.setdefault("steps", steps)
    known = _number(_at(info.get("all_seeds"), at))
    if known is None:
        known = _number(said.get("Seed"))
    if known is None and at == 0:
        known = seed
    if known is not None:
        settings["seed"] = known
    return settings, known


def _settings(info: dict[str, Any], at: int) -> dict[str, Any]:
    """What is said of the picture `at`, by the names of a request's fields."""
    settings = {ours: info[theirs] for theirs, ours in _TOLD.items() if info.get(theirs) is not None}
    for theirs, ours in (("all_prompts", "prompt"), ("all_negative_prompts", "negative_prompt")):
        if isinstance(text := _at(info.get(theirs), at), str):
            settings[ours] = text
    infotexts = _list(info.get("infotexts"))
    skip = _number(info.get("index_of_first_image")) or 0
    if isinstance(text := _at(infotexts, at + skip), str):
        settings["infotext"] = text
    return settings


def _info(packed: msgspec.Raw) -> dict[str, Any]:
    """What is told of the pictures; nothing where that is more than anybody has to tell."""
    if len(memoryview(packed)) > _MAX_INFO:
        return {}
    try:
        info = read_json(bytes(packed))
        info = read_json(info) if isinstance(info, str) else info
    except ValueError:
        return {}
    return info if isinstance(info, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(value: Any, index: int) -> Any:
    values = _list(value)
    return values[index] if index < len(values) else None


def _number(value: Any) -> int | None:
    """A whole number that a file can hold, which none of more than 64 bits is."""
    if isinstance(value, str) and len(value) <= _DIGITS and value.strip().isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64 else None
