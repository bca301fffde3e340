"""Events between those who find them out and the one who reads them."""

import asyncio

from pluma_tui.core.images import ImageEvent, Preview, Progress


class Events:
    """Events on their way to whoever reads them: of progress and previews only the newest is kept."""

    def __init__(self) -> None:
        self._waiting: list[ImageEvent] = []
        self._news = asyncio.Event()
        self._closed = False

    def put(self, event: ImageEvent) -> None:
        """Hand over an event."""
        if isinstance(event, Progress | Preview):
            self._waiting = [older for older in self._waiting if type(older) is not type(event)]
        self._waiting.append(event)
        self._news.set()

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._news.set()

    def __aiter__(self) -> "Events":
        return self

    async def __anext__(self) -> ImageEvent:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.pop(0)
