"""Answers in the OpenAI shape, put together by hand."""

import json

DONE = b"data: [DONE]\n\n"


def chunk(text: str = "", *, finish: str | None = None) -> bytes:
    """One event with a piece of the answer, or with its end."""
    delta = {"content": text} if text else {}
    return b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"


def whole(*pieces: str) -> bytes:
    """All events of an answer that ends well."""
    return b"".join(map(chunk, pieces)) + chunk(finish="stop") + DONE
