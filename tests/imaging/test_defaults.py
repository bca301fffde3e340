"""What every request is made into before a provider gets it."""

import pytest

from pluma_tui.core.errors import UsageError
from pluma_tui.core.images import ImageRequest
from pluma_tui.core.profile import ImageProfile
from pluma_tui.imaging.defaults import settled
from tests.imaging.conformance import connected


@pytest.mark.parametrize("count", [0, -1])
def test_no_picture_at_all_cannot_be_asked_for(count: int):
    profile = ImageProfile(name="box", kind="a1111")
    with pytest.raises(UsageError, match=f"at least one picture is to be made, not {count}"):
        settled(ImageRequest(prompt="a cat", count=count), profile)


@pytest.mark.parametrize("kind", ["a1111", "openai-images"])
async def test_no_server_is_asked_for_no_picture(kind: str):
    async with connected(kind, "http://127.0.0.1:9") as provider:
        with pytest.raises(UsageError, match="at least one picture"):
            await anext(provider.generate(ImageRequest(prompt="a cat", count=0)))
