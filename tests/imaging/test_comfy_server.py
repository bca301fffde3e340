"""The scripted server is as strict as the real ones: what they refused, it refuses, for the same reasons."""

import json
from typing import Any

import httpx
import pytest

from tests.conftest import DATA
from tests.servers.comfy import comfy

FOLDER = DATA / "images" / "comfy"
RECORDED = {
    version: json.loads((FOLDER / f"errors-{version}.json").read_text()) for version in ("0.3.75", "0.33.0")
}


def said(status: int, body: Any) -> tuple[int, str, dict[str, list[str]]]:
    """What counts of an answer: its status, the kind of error, and those of each node."""
    if not isinstance(body, dict):
        return status, "", {}
    kind = body.get("error", {}).get("type", "")
    errors = body.get("node_errors", {}).items()
    return status, kind, {node: [reason["type"] for reason in content["errors"]] for node, content in errors}


@pytest.mark.parametrize(
    ("version", "case"), [(version, case) for version, cases in RECORDED.items() for case in cases]
)
async def test_it_answers_as_the_real_one_did(version: str, case: str):
    recorded = RECORDED[version][case]
    content = recorded.get("request_body")
    async with comfy(version=version) as server, httpx.AsyncClient(base_url=server.url) as client:
        body = json.dumps(recorded["request_json"]) if content is None else content
        answer = await client.post("/prompt", content=body)
    got = answer.json() if "json" in answer.headers["content-type"] else answer.text
    expected = said(recorded["status"], recorded.get("json", recorded.get("text")))
    if case == "cycle":  # told in other words by each version
        assert answer.status_code == expected[0]
    else:
        assert said(answer.status_code, got) == expected
