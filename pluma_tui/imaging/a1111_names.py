"""When two names at an A1111 server mean the same."""

import re
from pathlib import PurePosixPath


def like(one: str, other: str) -> bool:
    """Whether two names of a sampler or scheduler mean the same: "Euler a", "euler_a"."""
    return re.sub(r"[\s_]+", "", one).casefold() == re.sub(r"[\s_]+", "", other).casefold()


def stem(name: str) -> str:
    """A model's bare name: no folder, no ending, no hash in brackets."""
    name = re.sub(r"\s*\[[0-9a-fA-F]+\]$", "", name.strip()).replace("\\", "/")
    return re.sub(r"\.(safetensors|ckpt|pt|pth|gguf|sft|bin)$", "", PurePosixPath(name).name).casefold()


def same(one: str, other: str) -> bool:
    """Whether two names mean the same model."""
    return bool(one) and stem(one) == stem(other)
