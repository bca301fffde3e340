"""How an answer that says no becomes one error of the tree. Bodies as servers have been seen to send them."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from pluma_tui.core.errors import (
    ContextExceeded,
    Loading,
    NotFound,
    Overloaded,
    RateLimited,
    Refused,
    Unauthorized,
)
from pluma_tui.transport.refusal import hider, refusal, retry_after
from tests.conftest import DATA

URL = "http://ann:secret-word@host:8080/v1/chat/completions"


def refused(status: int, body: Any, *, kind: str = "application/json", **headers: str) -> Refused:
    sent = httpx.Request("POST", URL, headers={"Authorization": "Bearer sk-123456"})
    named = {"content-type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal(httpx.Response(status, headers=named, request=sent), data)


def recorded(name: str) -> Refused:
    head, _, body = (DATA / "chat" / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    return refused(int(head.split()[1]), body)


def openai(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("llamacpp-err-401-nokey", Unauthorized, "Invalid API Key"),
        ("llamacpp-err-503-loading-v1-chat-completions", Loading, "Loading model"),
        ("xl-err-ctx-stream", ContextExceeded, "request (12031 tokens) exceeds"),
        ("transformers-err-404", NotFound, "Not Found"),
        ("transformers-err-badjson", Refused, "body.1: JSON decode error"),
        ("xl-image", Refused, "image input is not supported"),
    ],
)
def test_recorded_refusals_keep_the_servers_words(name: str, expected: type[Refused], words: str) -> None:
    error = recorded(name)
    assert type(error) is expected
    assert str(error).startswith(words)
    assert "http://host:8080/v1" in str(error)
    assert "secret-word" not in str(error)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, openai("Incorrect API key provided", code="invalid_api_key"), Unauthorized),
        (403, b"Forbidden", Unauthorized),
        (404, {"error": "model 'x' not found"}, NotFound),
        (400, openai("no such", code="model_not_found"), NotFound),
        (429, openai("Rate limit reached", type="rate_limit_error"), RateLimited),
        (429, openai("You exceeded your current quota", code="insufficient_quota"), Refused),
        (402, openai("Insufficient credits"), Refused),
        (500, b"Internal Server Error", Overloaded),
        (502, b"<html><title>Bad Gateway</title>", Overloaded),
        (503, b"", Overloaded),
        (504, b"", Overloaded),
        (529, openai("Overloaded", type="overloaded_error"), Overloaded),
        (501, openai("metrics are off"), Refused),
        (422, {"detail": "no"}, Refused),
        (400, openai("bad", code=400), Refused),
        (413, openai("prompt is too long: 210000 tokens > 200000 maximum"), ContextExceeded),
        (418, [], Refused),
    ],
)
def test_a_status_and_a_body_make_a_kind(status: int, body: Any, expected: type[Refused]) -> None:
    error = refused(status, body)
    assert type(error) is expected
    assert error.status == status


@pytest.mark.parametrize(
    ("message", "tokens", "limit"),
    [
        (
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 "
            "tokens. Please reduce the length of the messages.",
            9001,
            8192,
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in "
            "the messages, 1000 in the completion).",
            5000,
            4096,
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", 210000, 200000),
        (
            "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens",
            5000,
            4096,
        ),
        ("the request exceeds the available context size. try increasing the context size", 0, 0),
    ],
)
def test_the_numbers_of_a_full_context_are_found_in_its_words(message: str, tokens: int, limit: int) -> None:
    error = refused(400, openai(message))
    assert isinstance(error, ContextExceeded)
    assert (error.tokens, error.limit) == (tokens, limit)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "plain"}, "plain"),
        ({"message": "bare"}, "bare"),
        ({"error": {"detail": "inner"}}, "inner"),
        (
            {"error": "HTTPException", "detail": "Sampler not found", "body": "", "errors": ""},
            "Sampler not found",
        ),
        ({"error": "TypeError", "detail": "", "errors": "no None here"}, "TypeError: no None here"),
        ({"error": "server_error", "message": "type must be string"}, "server_error: type must be string"),
        ({"error": "Timeout", "detail": "", "errors": ""}, "Timeout"),
        ({"error": "no such model", "detail": "more"}, "no such model"),
        ({"detail": {"why": "é"}}, '{"why": "é"}'),
        ({"detail": {"msg": "Server is busy", "type": "service_unavailable"}}, "Server is busy"),
        ({"error": True}, "true"),
        ({"error": {"message": "", "code": 7}}, "code"),
        ("a string", "a string"),
        (b"\xff plain text", "� plain text"),
        (b"<html><head><title>Bad Gateway</title></head>" + b"x" * 5000, "Bad Gateway"),
        (b"<!DOCTYPE html><p>hello", "a web page"),
        (b"", "HTTP 400 Bad Request"),
        (b"[" * 60_000, "[[["),
    ],
)
def test_words_are_found_in_any_shape(body: Any, words: str) -> None:
    message = str(refused(400, body))
    assert words in message
    assert len(message) < 800


def test_a_key_is_hidden_however_it_is_echoed() -> None:
    error = refused(401, openai("no such key: sk-123456, header Bearer sk-123456"))
    assert "sk-123456" not in str(error)
    assert "no such key: (hidden)" in str(error)
    assert "123" not in str(refused(400, b"x" * 590 + b" sk-123456"))  # where a long text is cut
    plain = hider(httpx.Request("GET", URL, headers={"Accept": "text/html", "X-Team": "a"}))
    assert plain("text/html a") == "text/html a"


def test_hints_tell_what_to_do() -> None:
    assert "/v1" in refused(404, {"detail": "Not Found"}).hint
    assert "pluma models" in refused(404, openai("The model `x` does not exist")).hint
    assert "Check api_key" in refused(401, b"").hint
    keyless = httpx.Response(401, request=httpx.Request("GET", URL))
    assert "set api_key" in refusal(keyless, b"").hint


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://other.example/v1/chat?token=x", "https://other.example/v1/chat"),
        ("/login", "http://host:8080/login"),
        ("http://host:port/", "an address that cannot be read"),
    ],
)
def test_a_redirect_is_an_error_that_names_its_target(location: str, target: str) -> None:
    error = refused(307, b"", location=location)
    assert str(error).endswith(f"sends us on to {target}")
    assert "token" not in str(error)


def test_a_wait_is_asked_for_in_seconds_or_until_a_date() -> None:
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after": "9", "retry-after-ms": "1500"}) == 1.5
    assert retry_after({"retry-after": "-3"}) == 0
    assert retry_after({}) is None
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "inf"}) is None
    soon = datetime.now(UTC) + timedelta(seconds=30)
    waited = retry_after({"retry-after": format_datetime(soon, usegmt=True)})
    assert waited is not None
    assert 25 < waited <= 30
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert refused(429, b"", retry_after="7").retry_after == 7  # type: ignore[attr-defined]
    assert refused(503, b"", retry_after="7").retry_after == 7  # type: ignore[attr-defined]


def google(code: int, message: str, status: str, *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


WRONG_KEY = google(
    400,
    "API key not valid. Please pass a valid API key.",
    "INVALID_ARGUMENT",
    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"},
)


@pytest.mark.parametrize("body", [WRONG_KEY, [WRONG_KEY]])
def test_a_wrong_key_that_google_calls_a_bad_request_is_a_wrong_key(body: Any) -> None:
    error = refused(400, body)
    assert type(error) is Unauthorized
    assert str(error).startswith("API key not valid.")


@pytest.mark.parametrize(
    ("details", "seconds"),
    [
        ([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"}], 37.5),
        ([{"reason": "x"}, {"retryDelay": "2s"}, {"links": []}], 2.0),
        ([{"retryDelay": "soon"}, {"retryDelay": 3}, None, "x"], None),
        ([], None),
    ],
)
def test_google_says_in_the_body_how_long_to_wait(details: list[Any], seconds: float | None) -> None:
    error = refused(429, google(429, "Quota exceeded.", "RESOURCE_EXHAUSTED", *details))
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_a_header_says_it_first() -> None:
    error = refused(429, google(429, "no", "x", {"retryDelay": "9s"}), Retry_After="3")
    assert isinstance(error, RateLimited)
    assert error.retry_after == 3.0


def test_too_many_tokens_for_gemini_are_counted() -> None:
    words = "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."
    error = refused(400, google(400, words, "INVALID_ARGUMENT"))
    assert isinstance(error, ContextExceeded)
    assert (error.tokens, error.limit) == (1200293, 1048576)
