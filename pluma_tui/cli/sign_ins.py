"""`pluma secret sign-in` and `sign-out`: profiles whose key is what a person signs in for."""

import argparse
import asyncio
from pathlib import Path

from pluma_tui.cli import output
from pluma_tui.config import profile_keys
from pluma_tui.config.problems import dotted
from pluma_tui.config.profile_keys import ProfileKey
from pluma_tui.config.read import Loaded
from pluma_tui.core.errors import UsageError
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.secrets.base import SignIn, sign_in_of, sign_ins


def reference(key: ProfileKey, loaded: Loaded, data: Path) -> SecretRef | None:
    """What the profile of this key signs in for, None if it does not or the key is another one."""
    profile: Connection = getattr(loaded.config, key.section).profiles[key.profile]
    return sign_in_of(profile, data) if key.kind == "api_key" else None


def sign_in(args: argparse.Namespace, loaded: Loaded, data: Path) -> int:
    """Sign in for a profile. Raises PlumaError."""
    key, ref = _named(args, loaded, data)
    if key.ref is not None:
        hint = f"To sign in instead: pluma config unset {dotted(key.path)}"
        raise UsageError(f'"{key.profile}" has an api_key, which is used', hint=hint)
    place = asyncio.run(_made(ref).begin(output.say, into_file=args.file))
    where = "the keyring" if place.kind == "keyring" else f"{place.value}, which only you can read"
    output.say(f"pluma: signed in. The tokens are kept in {where}.")
    return 0


def sign_out(args: argparse.Namespace, loaded: Loaded, data: Path) -> int:
    """Delete the tokens of a profile, and have the issuer forget them. Raises PlumaError."""
    key, ref = _named(args, loaded, data)
    signed_in = asyncio.run(_made(ref).end())
    output.say(
        f"pluma: signed out at {ref.value}." if signed_in else f'pluma: "{key.profile}" is not signed in.'
    )
    return 0


def _named(args: argparse.Namespace, loaded: Loaded, data: Path) -> tuple[ProfileKey, SecretRef]:
    key = profile_keys.named(loaded, args.profile_name, args.section, "api_key")
    ref = reference(key, loaded, data)
    if ref is None:
        hint = 'Put sign_in = { oidc = "https://issuer", client_id = "..." } into the profile.'
        raise UsageError(f'"{key.profile}" has no sign_in', hint=hint)
    return key, ref


def _made(ref: SecretRef) -> SignIn:
    return sign_ins.load(ref.kind)(ref)
