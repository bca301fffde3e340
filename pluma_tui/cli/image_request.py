"""From the arguments of `pluma image` to a request: flags over what --again says."""

import argparse
import math
import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec

from pluma_tui.config.keys import value_of
from pluma_tui.config.problems import did_you_mean
from pluma_tui.core.chat import Image
from pluma_tui.core.errors import UsageError
from pluma_tui.core.images import ImageRequest
from pluma_tui.core.profile import ImageProfile
from pluma_tui.files import attach
from pluma_tui.files.paths import expanded
from pluma_tui.imaging import metadata
from pluma_tui.imaging.metadata import Again

_SIZE = re.compile(r"([0-9]{1,5})[xX×]([0-9]{1,5})")
_MAX_SIDE = 16384
_MAX_SEED = 2**64 - 1
_MAX_COUNT = 1000
_PICTURES = {"init": "init_image", "mask": "mask"}
_PLAIN = ("steps", "cfg", "seed", "count", "sampler", "scheduler", "checkpoint", "workflow", "strength")
_BY_SET = tuple(
    name for name in ImageRequest.__struct_fields__ if name not in ("prompt", "options", *_PICTURES.values())
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments that make up the request."""
    parser.add_argument(
        "prompt",
        metavar="PROMPT",
        nargs="?",
        type=_text,
        help='what to draw; "-", or nothing: it comes on standard input',
    )
    add = parser.add_argument
    add("-n", "--negative", metavar="NEGATIVE", type=_text, help='what not to draw; "" is nothing at all')
    add("--size", metavar="WxH", type=_size, help="in pixels, such as 512x768")
    add("--steps", metavar="N", type=_whole(1, 10_000), help="steps of the sampler")
    add("--cfg", metavar="X", type=_real(0, 1000), help="how closely to follow the prompt")
    add("--seed", metavar="N", type=_whole(-1, _MAX_SEED), help="-1: a random one")
    add("--count", metavar="N", type=_whole(1, _MAX_COUNT), help="how many pictures")
    add("--sampler", metavar="S", type=_text, help="the sampler, as the server calls it")
    add("--scheduler", metavar="S", type=_text, help="the scheduler, likewise")
    add("--checkpoint", metavar="CHECKPOINT", type=_text, help="the model (see pluma checkpoints)")
    add("--workflow", metavar="W", type=_text, help="ComfyUI: a name in the workflow library, or a path")
    add("--init", metavar="FILE", help="a picture to begin with")
    add("--strength", metavar="X", type=_real(0, 1), help="how much of it may change, from 0 to 1")
    add("--mask", metavar="FILE", help="which part of it may change: the white one")
    add("--again", metavar="FILE", help="make this picture again; other flags change it")
    add(
        "--set",
        metavar="KEY=VALUE",
        type=_text,
        action="append",
        default=[],
        help="vae, clip_skip, loras, hires, or an option of the provider",
    )


def build(args: argparse.Namespace, data_dir: Path) -> Again:
    """The request, and what goes with it; `check` is for when its profile is known. Raises UsageError."""
    given = {name: _picture(getattr(args, flag)) for flag, name in _PICTURES.items() if getattr(args, flag)}
    again = Again(ImageRequest(prompt=""))
    if args.again:
        again = metadata.read(expanded(args.again), data_dir, anew=given)
    values: dict[str, Any] = {**_flags(args), **{name: data for name, (data, _) in given.items()}}
    fields, options = _settings(args.set)
    old = again.request
    request = _replaced(old, {**values, **fields, "options": {**old.options, **options}})
    text = _prompt(args)
    if text is not None:
        request = msgspec.structs.replace(request, prompt=text)
    paths = {**again.paths, **{name: path for name, (_, path) in given.items()}}
    return Again(request, again.profile, paths, again.notes)


def _flags(args: argparse.Namespace) -> dict[str, Any]:
    values = {name: getattr(args, name) for name in _PLAIN if getattr(args, name) is not None}
    if args.negative is not None:
        values["negative_prompt"] = args.negative
    if args.size is not None:
        values["width"], values["height"] = args.size
    return values


def _prompt(args: argparse.Namespace) -> str | None:
    """The argument, or what standard input brings; None for the one of --again.

    Standard input is left alone where there is an argument: in a shell's loop it may be the list of prompts.
    """
    if args.prompt not in (None, "-"):
        return str(args.prompt)
    if args.prompt is None and (args.again or sys.stdin is None or sys.stdin.isatty()):
        return None
    try:
        return sys.stdin.buffer.read().decode("utf-8").strip("\n")
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8 text") from None


def _picture(name: str) -> tuple[bytes, str]:
    """A picture's bytes, and where it is."""
    part = attach.read(name)
    if not isinstance(part, Image):
        raise UsageError(f"{name} is no picture", hint="PNG, JPEG, GIF and WebP are.")
    return part.data, str(expanded(name).absolute())


def _settings(pairs: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`--set` as fields of the request and as options of the provider. Raises UsageError."""
    fields: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f'--set takes KEY=VALUE, not "{pair}"')
        (fields if key in _BY_SET else options)[key] = value_of(text, Any)
    return fields, options


def check(request: ImageRequest, args: argparse.Namespace, profile: ImageProfile) -> None:
    """Raise UsageError for flags that do not go together, or a request that draws nothing with `profile`."""
    workflow = request.workflow or profile.workflow
    if request.mask is not None and request.init_image is None:
        raise UsageError("--mask goes with a picture: --init FILE")
    if args.strength is not None and request.init_image is None and not workflow:
        raise UsageError("--strength goes with a picture: --init FILE")
    if not request.prompt.strip() and not (workflow or request.init_image or args.again):
        raise UsageError("there is nothing to draw", hint='For example: pluma image "a cat in the rain"')


def check_options(pairs: list[str], known: Collection[str]) -> None:
    """Raise UsageError for a key of `--set` that is none, and near to one of `known`, which a provider tells.

    What is near to nothing may be an option that it does not tell.
    """
    for key in _settings(pairs)[1]:
        if key not in known and (near := did_you_mean(key, (*_BY_SET, *known))):
            raise UsageError(f'--set: there is no "{key}"', hint=near)


def _replaced(request: ImageRequest, values: dict[str, Any]) -> ImageRequest:
    """The request with other values, which must be of the right kind. Raises UsageError."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(ImageRequest)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        try:
            checked[name] = value if isinstance(value, bytes) else msgspec.convert(value, kinds[name])
        except msgspec.ValidationError as error:
            raise UsageError(f"--set {name}: {str(error).replace('`', '')}") from None
    return msgspec.structs.replace(request, **checked)


def _text(text: str) -> str:
    """An argument that need not be UTF-8, as text that can be sent."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
        raise argparse.ArgumentTypeError(f"WxH is wanted, such as 512x768, not {text!r}")
    return width, height


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most} is wanted, not {text!r}")
        return number

    return parse


def _real(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"a number from {least} to {most} is wanted, not {text!r}")
        return number

    return parse
