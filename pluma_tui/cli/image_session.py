"""What commands that talk to image servers share: the runtime, with the image profile they name in use."""

import argparse
import contextlib
import os
from collections.abc import AsyncIterator

from pluma_tui.cli import session
from pluma_tui.core.errors import UsageError
from pluma_tui.core.profile import ImageProfile, SecretRef
from pluma_tui.imaging import registry
from pluma_tui.runtime.wiring import FALLBACK, Runtime


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which server."""
    parser.add_argument("-p", "--profile", metavar="P", default=argparse.SUPPRESS, help="the image profile")
    parser.add_argument("--kind", metavar="K", help="the provider for --base-url")


@contextlib.asynccontextmanager
async def runtime(args: argparse.Namespace) -> AsyncIterator[Runtime]:
    """The runtime; `--profile` is an image profile here, and `--base-url` an image server's address."""
    of_chat = argparse.Namespace(**{**vars(args), "profile": None, "base_url": None})
    async with session.runtime(of_chat) as made:
        named = args.profile
        if args.base_url:
            made.images.add(_of_run(args.base_url, args.kind, args.api_key_env))
            named = FALLBACK
        if named:
            made.images.use(named)
        yield made


def _of_run(base_url: str, kind: str | None, variable: str | None) -> ImageProfile:
    if not kind:
        hint = f"--kind is one of {', '.join(registry.names())}."
        raise UsageError("--base-url does not tell what kind of image server is there", hint=hint)
    variable = variable or ("PLUMA_API_KEY" if os.environ.get("PLUMA_API_KEY") else None)
    api_key = SecretRef("env", variable) if variable else None
    return ImageProfile(name=FALLBACK, kind=kind, base_url=base_url, api_key=api_key)
