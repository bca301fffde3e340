"""What only TLS needs costs nothing without it: HTTP/2, and the search for authorities."""

import subprocess
import sys

import pytest

# With click, which only the dev extra brings, httpx loads its own command line, and httpcore with it.
CODE = """
import asyncio, sys
sys.modules["click"] = None
{first}
from pluma_tui.core.profile import Connection
from pluma_tui.transport.http import ClientPool

async def main():
    pool = ClientPool()
    try:
        await pool.client(Connection(base_url="http://127.0.0.1:1"), secret=None).get("")
    except OSError:
        pass
    except Exception as error:
        print(type(error).__name__)
    await pool.aclose()

asyncio.run(main())
print([name for name in ("h2", "truststore") if name in sys.modules])
from httpcore._async.http2 import AsyncHTTP2Connection
print("h2" in sys.modules)
"""


@pytest.mark.parametrize("first", ["", "from pluma_tui.transport import ws", "import httpx"])
def test_a_server_without_tls_loads_neither(first: str) -> None:
    code = CODE.format(first=first)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ConnectError", "[]", "True"]
