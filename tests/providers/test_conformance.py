import pytest

from tests.conftest import DATA
from tests.providers import conformance

RECORDINGS = [
    ("openai", name, "text/event-stream")
    for name in (
        "micro-text.sse",
        "micro-think.sse",
        "micro-tool.sse",
        "micro-uni-bytes.sse",
        "transformers-text-stream.sse",
        "xl-chat-length.sse",
    )
]
RECORDINGS += [
    ("openai-responses", name, "text/event-stream")
    for name in (
        "micro-resp-think.sse",
        "micro-resp-tool.sse",
        "synthetic-responses-sources.sse",
        "synthetic-responses-text.sse",
        "synthetic-responses-tools.sse",
    )
]
RECORDINGS += [
    ("gemini", f"synthetic-gemini-{name}.sse", "text/event-stream")
    for name in ("length", "safety", "sources", "text", "think", "tools")
]
RECORDINGS += [("llamacpp", name, "text/event-stream") for name in ("micro-progress.sse", "micro-tool.sse")]
RECORDINGS += [
    ("koboldcpp", f"synthetic-koboldcpp-{name}.sse", "text/event-stream")
    for name in ("text", "length", "chat", "tools")
]
RECORDINGS += [
    ("ollama", f"synthetic-ollama-{name}.ndjson", "application/x-ndjson")
    for name in ("text", "think", "raw-think", "tools", "length", "unicode")
]
RECORDINGS += [
    ("anthropic", name, "text/event-stream")
    for name in (
        "micro-anth-think.sse",
        "micro-anth-tool.sse",
        "synthetic-anthropic-refusal.sse",
        "synthetic-anthropic-search.sse",
        "synthetic-anthropic-text.sse",
        "synthetic-anthropic-thinking.sse",
    )
]
every_recording = pytest.mark.parametrize(("compat", "name", "kind"), RECORDINGS)
ECHOES = [
    (401, '{"error": {"message": "no such key: {key}", "type": "authentication_error"}}'),
    (400, '{"detail": "Bearer {key}"}'),
    (500, "{key}"),
    (200, '{"error": "no such key: {key}"}'),
    (200, "{key} is no JSON"),
]


@every_recording
async def test_an_answer_has_one_ending(compat: str, name: str, kind: str) -> None:
    conformance.ends_once(await conformance.play(compat, (DATA / "chat" / name).read_bytes(), kind=kind))


@every_recording
async def test_an_answer_may_be_cut_at_every_byte(compat: str, name: str, kind: str) -> None:
    await conformance.survives_every_cut(compat, (DATA / "chat" / name).read_bytes(), kind=kind)


@every_recording
async def test_an_answer_may_come_in_any_pieces(compat: str, name: str, kind: str) -> None:
    await conformance.does_not_mind_pieces(compat, (DATA / "chat" / name).read_bytes(), kind=kind)


@every_recording
async def test_stopping_closes_the_connection(compat: str, name: str, kind: str) -> None:
    await conformance.closes_when_stopped(compat, (DATA / "chat" / name).read_bytes(), kind=kind)


@pytest.mark.parametrize("compat", sorted({compat for compat, _, _ in RECORDINGS}))
@pytest.mark.parametrize(("status", "body"), ECHOES)
async def test_a_key_that_a_server_echoes_is_in_no_error(compat: str, status: int, body: str) -> None:
    await conformance.keeps_the_secret(compat, status, body)
