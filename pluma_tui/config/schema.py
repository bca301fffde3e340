"""The settings as typed values. A field's description is its documentation everywhere."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from pluma_tui.config import template
from pluma_tui.config.secretref import secret_ref
from pluma_tui.core.profile import ConnectionProfile, ImageProfile, SecretRef

VERSION = 1


class Ui(msgspec.Struct, frozen=True):
    """How the terminal app looks and behaves."""

    theme: Annotated[
        str, Meta(description="auto: dark or light as the terminal is; or a theme's or theme file's name.")
    ] = "auto"
    images: Annotated[
        Literal["auto", "kitty", "sixel", "iterm2", "halfblock", "off"],
        Meta(description="How pictures are shown in the terminal."),
    ] = "auto"
    clipboard: Annotated[
        Literal["auto", "osc52", "tmux", "command", "off"], Meta(description="How text is copied.")
    ] = "auto"
    bell: Annotated[
        Literal["auto", "bell", "osc9", "osc777", "off"],
        Meta(description="How a long answer is announced while the window is not in front."),
    ] = "auto"
    bell_after: Annotated[float, Meta(ge=0, description="Seconds from which on an answer is a long one.")] = (
        10.0
    )
    mouse: Annotated[
        bool, Meta(description="Whether the app listens to the mouse.", extra={"restart": True})
    ] = True
    frame_rate: Annotated[
        int, Meta(ge=1, le=60, description="Repaints a second while streaming; 8 suits a slow line.")
    ] = 15
    reasoning: Annotated[
        Literal["folded", "shown", "hidden"], Meta(description="How a model's thinking is shown.")
    ] = "folded"
    image_budget: Annotated[int, Meta(ge=0, description="Bytes to the terminal for one inline picture.")] = (
        65536
    )
    image_viewer: Annotated[str, Meta(description='An outside viewer, e.g. "chafa {path}".')] = ""


class Chat(msgspec.Struct, frozen=True):
    """Chat servers and what holds for all of them."""

    active: Annotated[str, Meta(description="The profile a new conversation begins with.")] = ""
    system: Annotated[str, Meta(description="The default system prompt.")] = ""
    finish_after_hangup: Annotated[bool, Meta(description="Go on answering when the terminal is gone.")] = (
        False
    )
    profiles: dict[str, ConnectionProfile] = {}


class Images(msgspec.Struct, frozen=True):
    """Image servers and what holds for all of them."""

    active: Annotated[str, Meta(description="The image profile in use.")] = ""
    directory: Annotated[
        str, Meta(description="Where pictures are saved; empty: the user's pictures folder.")
    ] = ""
    template: Annotated[
        str, Meta(description="Their names: {date} {time} {seed} {slug} {profile}; a / makes folders.")
    ] = "{date}/{time}-{seed}-{slug}"
    profiles: dict[str, ImageProfile] = {}


class Storage(msgspec.Struct, frozen=True):
    """Where conversations are kept."""

    url: Annotated[str, Meta(description="Empty: SQLite in the data folder.", extra={"restart": True})] = ""


class Config(msgspec.Struct, frozen=True):
    """All settings. Frozen, and replaced whole when the file changes."""

    schema: Literal[1] = 1
    ui: Ui = Ui()
    keys: dict[str, str | list[str]] = {}
    chat: Chat = Chat()
    images: Images = Images()
    storage: Storage = Storage()


SECTIONS: dict[str, type[msgspec.Struct]] = {"ui": Ui, "chat": Chat, "images": Images, "storage": Storage}
CHECKS: dict[tuple[str, str], Callable[[Any], None]] = {("images", "template"): template.check}
"""What a type cannot say of a section's setting: raises ConfigError for a value that will not do."""
PROFILES: dict[str, tuple[type[msgspec.Struct], str]] = {
    "chat": (ConnectionProfile, "compat"),
    "images": (ImageProfile, "kind"),
}
"""Per section with profiles: the profile's type, and the key that picks its provider."""

SECRET_KEYS = frozenset({"api_key", "auth", "client_key_password"})


def decode_hook(kind: type, value: Any) -> Any:
    """msgspec's hook for `SecretRef`. Raises ValueError with words for people."""
    if kind is SecretRef:
        return secret_ref(value)
    raise NotImplementedError(kind)
