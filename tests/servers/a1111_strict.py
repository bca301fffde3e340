"""What an A1111 server refuses, in its recorded words, and what it makes of what it takes."""

import base64
import binascii
import json
from typing import Any

from tests.conftest import DATA
from tests.imaging.pictures import png

_RECORDED = DATA / "images" / "a1111"
_NUMBERS = ("width", "height", "steps", "n_iter", "batch_size", "seed", "cfg_scale", "denoising_strength")
_TEXTS = ("prompt", "negative_prompt", "sampler_name", "scheduler")
_LOADED = "sd15rand"
_RANDOM = 4848759  # a seed that nobody asked for


def _recorded(name: str) -> Any:
    return json.loads((_RECORDED / name).read_text())


_ERRORS, _SMALL_ERRORS = _recorded("errors.json"), _recorded("sdcpp-errors.json")
_SAMPLERS = {entry["name"] for entry in _recorded("lists.json")["GET /sdapi/v1/samplers"]["json"]}
_SMALL_LISTS = {name: told.get("json") for name, told in _recorded("sdcpp-lists.json").items()}
_SMALL_SAMPLERS = {entry["name"] for entry in _SMALL_LISTS["GET /sdapi/v1/samplers"]}
_SMALL_UPSCALERS = {
    entry["name"]
    for route in ("upscalers", "latent-upscale-modes")
    for entry in _SMALL_LISTS[f"GET /sdapi/v1/{route}"]
}
_NO_MODEL = _recorded("lists.json")["POST /sdapi/v1/options"]
_INFO = json.loads(_recorded("txt2img.json")["json"]["info"])


class Refusal(Exception):
    """An answer that says no."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(status)
        self.status, self.said = status, said

    def as_said_by(self, flavour: str) -> tuple[int, Any]:
        """Forge answers in FastAPI's own form, and an unknown sampler with 400; SD.Next adds a code."""
        named = isinstance(self.said, dict) and "error" in self.said
        if flavour == "Forge":
            plain = {"detail": self.said["detail"] or self.said["errors"]} if named else _newer(self.said)
            return 400 if self.status == 404 else self.status, plain
        if flavour == "SD.Next" and named:
            detail = "Unauthorized" if self.status == 401 else self.said["detail"]
            return self.status, {**self.said, "code": self.status, "detail": detail}
        return self.status, self.said


def _newer(said: Any) -> Any:
    """Problems of a body in the words of pydantic 2."""
    words = {
        "type": "int_parsing", "input": "many",
        "msg": "Input should be a valid integer, unable to parse string as an integer",
    }  # fmt: skip
    wrong_type = [problem for problem in said["detail"] if problem["type"].startswith("type_error")]
    return {"detail": [{**problem, **words} for problem in wrong_type]} if wrong_type else said


def admit(headers: dict[str, str], auth: str) -> None:
    """Raise Refusal for who does not show the name and password; without a challenge, as recorded."""
    shown = headers.get("authorization", "")
    if shown != "Basic " + base64.b64encode(auth.encode()).decode():
        raise _refused(_ERRORS["wrong_auth" if shown else "no_auth"])


def checked(raw: bytes, path: str, flavour: str, memory: int) -> dict[str, Any]:
    """The body of a job. Raises Refusal, as the server does."""
    small = flavour in ("stable-diffusion.cpp", "KoboldCpp")
    errors = _SMALL_ERRORS if small else _ERRORS
    try:
        body = json.loads(raw)
    except ValueError:
        raise _refused(errors["broken_json"]) from None
    if any(body[name] is None for name in _TEXTS if name in body):
        raise _refused(errors["null_values"])
    if not all(_is_number(body[name]) for name in _NUMBERS if name in body):
        raise _refused(errors["bad_type"])
    if small:
        _check_small(body, errors)
        return body
    _check(body, path, errors)
    if body.get("width", 512) * body.get("height", 512) > memory:
        words = "CUDA out of memory. Tried to allocate 20.00 GiB."
        raise Refusal(500, {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": words})
    return body


def _check(body: dict[str, Any], path: str, errors: Any) -> None:
    if body.get("sampler_name", "Euler") not in _SAMPLERS:
        raise _refused(errors["bad_sampler"])
    for name, wrong in (("width", "width_zero"), ("steps", "steps_zero")):
        if body.get(name) == 0:
            raise _refused(errors[wrong])
    for name in body.get("alwayson_scripts", {}):
        if name.lower() != "adetailer":
            raise _refused(errors["alwayson_unknown"])
    if path.endswith("img2img"):
        if not body.get("init_images"):
            raise _refused(errors["img2img_no_init"])
        pictures = [*body["init_images"], *([body["mask"]] if "mask" in body else [])]
        if not all(_is_picture(text) for text in pictures):
            raise _refused(errors["img2img_bad_b64"])


def checked_settings(raw: bytes, titles: list[str]) -> dict[str, Any]:
    """Changes of settings. Raises Refusal for a checkpoint that is not one of `titles`."""
    changes: dict[str, Any] = json.loads(raw)
    wanted = changes.get("sd_model_checkpoint", titles[0])
    if wanted not in titles:
        words = f"model {wanted!r} not found"
        raise Refusal(_NO_MODEL["status"], {**_NO_MODEL["json"], "errors": words})
    return changes


def _check_small(body: dict[str, Any], errors: Any) -> None:
    if not body.get("prompt"):
        raise _refused(errors["empty_object"])
    if body.get("width", 512) <= 0:
        raise _refused(errors["width_zero"])
    if not 1 <= body.get("batch_size", 1) <= 8:
        raise Refusal(400, {"error": "batch_size must be in range [1, 8]"})
    if body.get("hr_upscaler", "Latent") not in _SMALL_UPSCALERS:
        raise Refusal(400, {"error": "invalid params"})


def drawn(
    body: dict[str, Any], flavour: str, count: int, rounds: int, made: int, picture: bytes | None
) -> dict[str, Any]:
    """The answer to a job: `made` of `rounds` rounds of `count` pictures."""
    small = flavour in ("stable-diffusion.cpp", "KoboldCpp")
    first = _cut(body.get("seed", 1234)) if small else body.get("seed", 1234)
    seeds = [first + at for at in range(rounds * count)]
    texts = [_small_infotext(body, seed) if small else _infotext(body, seed) for seed in seeds]
    size = _size(body, small)
    written = "" if flavour == "KoboldCpp" else "parameters"
    pictures = [
        picture or png(*size, **({written: text} if written else {})) for text in texts[: made * count]
    ]
    echo = {**body, "init_images": None}
    if small:
        return {"images": [_sent(data) for data in pictures], "info": "", "parameters": echo}
    told = {
        **_INFO,
        "prompt": body.get("prompt", ""),
        "all_prompts": [body.get("prompt", "")] * len(seeds),
        "seed": seeds[0],
        "all_seeds": seeds,
        "steps": body.get("steps", 50),
        "sampler_name": body.get("sampler_name", "Euler"),
        "sd_model_name": _LOADED,
        "infotexts": texts,
        "index_of_first_image": 0,
    }
    if body.get("save_images") and len(pictures) > 1:
        pictures = [png(size[0] * 2, size[1]), *pictures]
        told |= {"index_of_first_image": 1, "infotexts": [texts[0], *texts]}
    return {"images": [_sent(data) for data in pictures], "info": json.dumps(told), "parameters": echo}


def _infotext(body: dict[str, Any], seed: int) -> str:
    steps, sampler = body.get("steps", 50), body.get("sampler_name", "Euler")
    settings = f"Steps: {steps}, Sampler: {sampler}, Seed: {seed}, Model: {_LOADED}, Version: x"
    return f"{body.get('prompt', '')}\nNegative prompt: {body.get('negative_prompt', '')}\n{settings}"


def _small_infotext(body: dict[str, Any], seed: int) -> str:
    """As stable-diffusion.cpp writes it; a sampler that it does not know is none to it, without a word."""
    prompt, negative = body.get("prompt", ""), body.get("negative_prompt", "")
    asked = body.get("sampler_name", "").lower().replace(" ", "_")
    sampler = asked if asked in _SMALL_SAMPLERS - {"default"} else "NONE"
    steps = min(max(body.get("steps", 20), 1), 100)
    settings = (
        f"Steps: {steps}, Seed: {seed}, Model: {_LOADED}.safetensors, "
        f"Sampler: {sampler} {body.get('scheduler', '')}".rstrip()
        + ", Version: stable-diffusion.cpp, SDCPP: "
        + json.dumps({"prompt": {"negative": negative, "positive": prompt}}, ensure_ascii=False)
    )
    return "\n".join([prompt, *([f"Negative prompt: {negative}"] if negative else []), settings])


def _cut(seed: int) -> int:
    """A seed as stable-diffusion.cpp takes it: 32 bits with a sign, and below zero a random one."""
    cut = (seed + 2**31) % 2**32 - 2**31
    return cut if cut >= 0 else _RANDOM


def _size(body: dict[str, Any], small: bool) -> tuple[int, int]:
    """A1111 rounds down to what its models can draw, stable-diffusion.cpp up; neither says so."""
    scale = body.get("hr_scale", 2.0) if body.get("enable_hr") else 1
    sides = (int(body.get(name, 512) * scale) for name in ("width", "height"))
    width, height = (-(-side // 64) * 64 if small else side // 8 * 8 for side in sides)
    return width, height


def _refused(recorded: dict[str, Any]) -> Refusal:
    return Refusal(recorded["status"], recorded["json"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_picture(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True)[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"RIFF")
    except binascii.Error:
        return False


def _sent(data: bytes) -> str:
    return base64.b64encode(data).decode()
