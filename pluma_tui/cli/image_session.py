"""What commands that talk to image servers share: the runtime, with the image profile they name in use."""

import argparse
import contextlib
import os
from collections.abc import AsyncIterator

from pluma_tui.cli import session
from pluma_tui.config.problems import did_you_mean
from pluma_tui.core.errors import ConfigError, UnknownPlugin, UsageError
from pluma_tui.core.profile import ImageProfile, SecretRef
from pluma_tui.imaging import registry
from pluma_tui.runtime.wiring import FALLBACK, Runtime

_HOW_TO_ADD = "Add one: pluma profile add NAME --kind a1111 --base-url http://127.0.0.1:7860"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which server."""
    parser.add_argument("-p", "--profile", metavar="P", default=argparse.SUPPRESS, help="the image profile")
    parser.add_argument("--kind", metavar="K", help="the provider for --base-url")


@contextlib.asynccontextmanager
async def runtime(args: argparse.Namespace) -> AsyncIterator[Runtime]:
    """The runtime; `--profile` is an image profile here, and `--base-url` an image server's address."""
    if args.kind and not args.base_url:
        hint = "Or does -p name a profile of that kind?"
        raise UsageError("--kind goes with an address: --base-url URL", hint=hint)
    of_chat = argparse.Namespace(**{**vars(args), "profile": None, "base_url": None})
    async with session.runtime(of_chat) as made:
        named = args.profile
        if args.base_url:
            made.images.add(_of_run(args.base_url, args.kind, args.api_key_env))
            named = FALLBACK
        _use(made, named)
        yield made


def _use(runtime: Runtime, named: str | None) -> None:
    """Take the profile of that name, or the active one. Raises ConfigError for one that cannot be used."""
    images = runtime.images
    if named and named in runtime.connections.names() and named not in images.names():
        hint = f"Image profiles: {', '.join(images.names())}." if images.names() else _HOW_TO_ADD
        raise ConfigError(f'"{named}" is a chat profile; pictures want an image profile', hint=hint)
    if named:
        images.use(named)
    profile = images.active()
    if profile is not None and profile.kind not in registry.names():
        known = registry.names()
        hint = did_you_mean(profile.kind, known) or f"Known: {', '.join(known)}."
        raise UnknownPlugin(
            f'the image profile "{profile.name}" has kind = "{profile.kind}", and there is no such provider',
            hint=hint,
        )


def _of_run(base_url: str, kind: str | None, variable: str | None) -> ImageProfile:
    if not kind:
        hint = f"--kind is one of {', '.join(registry.names())}."
        raise UsageError("--base-url does not tell what kind of image server is there", hint=hint)
    variable = variable or ("PLUMA_API_KEY" if os.environ.get("PLUMA_API_KEY") else None)
    api_key = SecretRef("env", variable) if variable else None
    return ImageProfile(name=FALLBACK, kind=kind, base_url=base_url, api_key=api_key)
