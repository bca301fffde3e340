"""Turning an answer that says no into one error of our tree, in the server's own words."""

import base64
import html
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import httpx

from pluma_tui.core.errors import (
    ContextExceeded,
    Loading,
    NotFound,
    Overloaded,
    RateLimited,
    Refused,
    Unauthorized,
)
from pluma_tui.transport.address import upstream as readable

_MAX_WORDS = 600  # characters of a server's own words that are worth showing
_BUSY = {500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
# llama.cpp and Ollama answer 500 for what they will never be able to do: pictures without a projector, a
# model that is too large, or that their library does not have, an option of another type.
_FOR_GOOD = ("not supported", "more system memory", "file does not exist", "must be of type")
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached", "enforced_spend_limit_reached")
_NO_MODEL = ("model_not_found", "not_found_error")
_WRONG_KEY = ("authentication_error", "API_KEY_INVALID")  # Gemini's 400
_CONTEXT_TYPES = ("exceed_context_size_error", "context_length_exceeded", "model_context_window_exceeded")
_CONTEXT_WORDS = re.compile(
    r"exceeds? (?:the )?(?:available |maximum )?context|maximum context length|context length of only"
    r"|prompt is too long|context (?:size|window|length) (?:has been |was |is )?exceeded"
    r"|input token count \(?\d*\)? ?exceeds the maximum",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"context (?:length|size|window)(?: of only| of| is)?:? \(?(\d+)|> (\d+) maximum"
    r"|tokens allowed \(?(\d+)",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"(?:resulted in|requested|request|too long:|contains(?: at least)?|first) \(?(\d+)(?: input)? tokens"
    r"|(\d+) tokens >|token count \(?(\d+)",
    re.IGNORECASE,
)


@dataclass
class _Said:
    """What a server said: its words, and the fields that tell kinds of refusal apart; and `where` it is.

    `delay` is how many seconds to wait, where the body says that.
    """

    words: str
    kinds: set[str] = field(default_factory=set)
    code: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    delay: float | None = None

    @property
    def message(self) -> str:
        """The server's words first, then where they came from."""
        return f"{self.words} ({self.where})"

    def number(self, name: str, pattern: re.Pattern[str]) -> int:
        """A count of tokens: from the field `name`, else out of the words, else 0."""
        value = self.details.get(name)
        if isinstance(value, int):
            return value
        found = pattern.search(self.words)
        return int(next(group for group in found.groups() if group)) if found else 0

    def wait(self, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait, as the headers or the body ask for it."""
        told = retry_after(headers)
        return self.delay if told is None else told


def refusal(response: httpx.Response, body: bytes) -> Refused:
    """The error for a response that is no success; `body` is (the start of) what it brought."""
    hide = hider(response.request)
    where = readable(response.request.url)
    status = response.status_code
    if 300 <= status < 400:
        return _moved(response, where, hide)
    said = _read(body, response.headers.get("content-type", ""))
    said.words = _short(hide(said.words)) or f"HTTP {status} {hide(response.reason_phrase)}".rstrip()
    said.where = f"{status} from {where}"
    return _sort(said, status, response.headers, keyed=_has_key(response.request))


def refusal_in_stream(document: Any, response: httpx.Response) -> Refused:
    """The error for an error object that came with HTTP 200. Its `status` is 0."""
    said = _from_json(document)
    said.words = _short(hider(response.request)(said.words)) or "an error without words"
    said.where = f"from {readable(response.request.url)}"
    error = _sort(said, said.code, response.headers, keyed=_has_key(response.request))
    error.status = 0
    return error


def hider(request: httpx.Request) -> Callable[[str], str]:
    """A function that takes out of a text what was sent as a key, should the server have echoed it."""
    plain = {"host", "accept", "accept-encoding", "connection", "user-agent", "cache-control"}
    secrets: set[str] = set()
    for name, value in request.headers.items():
        if name not in plain and not name.startswith(("content-", "anthropic-")):
            secrets.update(part for part in (value, value.partition(" ")[2]) if len(part) > 3)
            secrets.update(part for part in _name_and_password(value) if len(part) > 3)
    escaped = {form(secret) for secret in secrets for form in (_in_json, html.escape, quote, quote_plus)}
    longest_first = sorted(secrets | escaped, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "(hidden)")
        return text

    return hide


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _name_and_password(header: str) -> list[str]:
    """What a header of the scheme Basic says, as people write it."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        text = base64.b64decode(value).decode("utf-8", "replace")
    except ValueError:
        return []
    return [text, text.partition(":")[2]]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait that a server asks for, None where it does not say."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max((date - datetime.now(UTC)).total_seconds(), 0.0)


def _sort(said: _Said, status: int, headers: Mapping[str, str], *, keyed: bool) -> Refused:
    """Which error of the tree this is."""
    message, kinds, words = said.message, said.kinds, said.words.lower()
    if kinds & set(_NO_CREDIT) or status == 402:
        return Refused(message, status=status, hint="The account behind this key has no credit left.")
    if kinds & set(_CONTEXT_TYPES) or (status < 500 and _CONTEXT_WORDS.search(words)):
        return _too_long(said, status)
    if status in (401, 403) or kinds & set(_WRONG_KEY):
        hint = "Check api_key in the profile." if keyed else "This server wants a key: set api_key."
        return Unauthorized(message, status=status, hint=hint)
    if status == 404 or kinds & set(_NO_MODEL) or "unexpected endpoint" in words:
        return _not_found(said, status)
    if status == 429 or "rate_limit_error" in kinds or "rate_limit_exceeded" in kinds:
        return RateLimited(message, status=status, retry_after=said.wait(headers))
    if "loading model" in words or (status == 503 and "unavailable_error" in kinds):
        return Loading(message, status=status, hint="The model is being loaded: ask again in a moment.")
    if (status in _BUSY and not any(reason in words for reason in _FOR_GOOD)) or "overloaded_error" in kinds:
        return Overloaded(message, status=status, retry_after=said.wait(headers))
    return Refused(message, status=status)


def _too_long(said: _Said, status: int) -> ContextExceeded:
    tokens, limit = said.number("n_prompt_tokens", _TOKENS), said.number("n_ctx", _LIMIT)
    hint = "Begin a new conversation, or give the model a larger context."
    return ContextExceeded(said.message, status=status, tokens=tokens, limit=limit, hint=hint)


def _not_found(said: _Said, status: int) -> NotFound:
    about_path = "unexpected endpoint" in said.words.lower()  # LM Studio, which then repeats the path
    about_model = "model_not_found" in said.kinds or re.search(r"\bmodels?\b", said.words, re.IGNORECASE)
    hint = "Check base_url: for most servers it ends in /v1."
    if about_model and not about_path:
        hint = "`pluma models` lists what the server offers."
    return NotFound(said.message, status=status, hint=hint)


def _moved(response: httpx.Response, where: str, hide: Callable[[str], str]) -> Refused:
    """A redirect is not followed: the key would go with the request to where nobody meant it to go."""
    try:
        target = readable(response.request.url.join(response.headers.get("location", "")))
    except (httpx.InvalidURL, ValueError):
        target = "an address that cannot be read"
    if hide(unquote(target)) != unquote(target):
        target = "an address that repeats the key"
    hint = "If that is the right server, put its address into base_url."
    return Refused(f"{where} sends us on to {target}", hint=hint, status=response.status_code)


def _has_key(request: httpx.Request) -> bool:
    return any(
        name in request.headers for name in ("authorization", "x-api-key", "x-goog-api-key", "api-key")
    )


def _read(body: bytes, content_type: str) -> _Said:
    try:
        return _from_json(json.loads(body))
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
    if "html" in content_type or text.lstrip()[:15].lower().startswith(("<!doctype", "<html")):
        title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
        text = title[1] if title else "a web page"
    return _Said(text)


def _from_json(document: Any) -> _Said:
    """The shapes met: {"error": {...}}, {"error": "..."}, {"detail": "..." | [...]}, {"message": "..."}.

    A1111 and stable-diffusion.cpp put a name there, and the words beside it: {"error": "TypeError", "detail":
    "", "errors": "..."}, {"error": "server_error", "message": "..."}.
    """
    if isinstance(document, list) and len(document) == 1:
        document = document[0]  # Gemini's, where a stream of another kind was asked for
    if not isinstance(document, dict):
        return _Said(document if isinstance(document, str) else json.dumps(document))
    error = document.get("error") or document
    if isinstance(error, str):
        return _Said(_named(error, document))
    if not isinstance(error, dict):
        return _Said(json.dumps(error))
    words = error.get("message") or error.get("detail") or document.get("message") or document.get("detail")
    code = error.get("code")
    kinds = {str(error[name]) for name in ("type", "code", "status") if isinstance(error.get(name), str)}
    details = error.get("details")
    if isinstance(details, dict) and isinstance(details.get("error_code"), str):
        kinds.add(details["error_code"])
    delay = None
    for detail in details if isinstance(details, list) else ():  # google.rpc.ErrorInfo, google.rpc.RetryInfo
        if isinstance(detail, dict):
            kinds.add(str(detail.get("reason")))
            delay = _seconds(detail.get("retryDelay")) or delay
    number = code if isinstance(code, int) else int(code) if isinstance(code, str) and code.isdecimal() else 0
    return _Said(_speak(words or error), kinds, number, error, delay=delay)


def _seconds(duration: Any) -> float | None:
    """Seconds out of a duration in JSON's form of protocol buffers: "37.5s"."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", duration) if isinstance(duration, str) else None
    return float(found[1]) if found else None


def _named(error: str, document: dict[str, Any]) -> str:
    """An error that is the name of one, with the words beside it; any other as it is."""
    beside = next((document[name] for name in ("detail", "errors", "message") if document.get(name)), None)
    if beside is None or not error.isidentifier():
        return error
    return _speak(beside) if error == "HTTPException" else f"{error}: {_speak(beside)}"


def _speak(words: Any) -> str:
    """Words out of what stands where words should be; FastAPI tells a list of problems, KoboldCpp one."""
    if isinstance(words, dict) and isinstance(words.get("msg"), str):
        words = words["msg"]
    if isinstance(words, str):
        return words
    if isinstance(words, list) and all(isinstance(item, dict) and "msg" in item for item in words):
        return "; ".join(
            f"{'.'.join(map(str, item.get('loc') or ()))}: {item['msg']}".lstrip(": ") for item in words
        )
    return json.dumps(words, ensure_ascii=False)


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _MAX_WORDS else text[: _MAX_WORDS - 1] + "…"
