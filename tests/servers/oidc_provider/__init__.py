"""A real OpenID provider (npm's `oidc-provider`), and a person with a browser who signs in there.

To install it: npm ci --prefix tests/servers/oidc_provider
"""

import functools
import html
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

FOLDER = Path(__file__).parent
OLDEST_NODE = 20
_FORM = re.compile(r"<form(.*?)</form>", re.DOTALL)
_MOST_PAGES = 6


@functools.cache
def missing() -> str:
    """Why it cannot be started; empty if it can."""
    node = _node()
    if not node:
        return "node is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        return f"oidc-provider wants node {OLDEST_NODE} or newer, not {version.strip()}"
    if not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        return "oidc-provider is not installed: npm ci --prefix tests/servers/oidc_provider"
    return ""


@dataclass(frozen=True)
class OidcProvider:
    """`url` is the issuer."""

    url: str

    def asked(self, kind: str) -> list[str | None]:
        """How each request for tokens by that grant type ended: None, or the error's code."""
        grants = httpx.get(f"{self.url}/test/grants", trust_env=False).json()
        return [grant["error"] for grant in grants if grant["type"].endswith(kind)]

    def person(self, token: str) -> Any:
        """Whose token this is, as the provider says; None if it does not take it."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self.url}/me", headers=headers, trust_env=False)
        return answer.json()["sub"] if answer.is_success else None

    def enter(self, address: str, *, abort: bool = False) -> None:
        """Open an address with the code in it, and do what all its pages want; or stop at the second one."""
        with httpx.Client(follow_redirects=True, trust_env=False) as browser:
            page = browser.get(address)
            for _ in range(_MOST_PAGES):
                form = _FORM.search(page.text)
                if form is None:
                    break
                fields = _fields(form[1])
                ends = abort and "confirm" in fields
                page = browser.post(
                    page.url.join(_attribute(form[1], "action")),
                    data={**fields, "abort": "yes"} if ends else fields,
                )
                if ends:
                    break
        assert ("interrupted" if abort else "Sign-in Success") in page.text, page.text


@contextmanager
def run() -> Iterator[OidcProvider]:
    """Start one on a free port; it ends with the block."""
    with subprocess.Popen(
        [_node(), "issuer.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the provider did not start"
        yield OidcProvider(url)


def _node() -> str:
    """The one that pip brought, else that of the system; empty if there is none."""
    beside = Path(sys.executable).with_name("node")
    return str(beside) if beside.exists() else shutil.which("node") or ""


def _fields(form: str) -> dict[str, str]:
    """What the form is sent with; where a person types, a name."""
    inputs = [tag for tag in re.findall(r"<input[^>]*>", form) if 'name="' in tag]
    return {_attribute(tag, "name"): _attribute(tag, "value") or "ann" for tag in inputs}


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""
