"""The embedded default: small models, and llama.cpp's own server as a child process."""

from pluma_tui.local.models import available, installed

__all__ = ["available", "installed"]
