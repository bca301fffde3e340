"""Everything that can go wrong, as one tree.

::

    PlumaError                     what, where and what to do; `exit_code` and `retryable` sit on the class
    ├── UsageError                 the command was not said right                                      2
    ├── ConfigError                a setting is wrong, or nothing is configured                        3
    │   └── UnknownPlugin          a name that no provider answers to
    ├── SecretError                a key could not be fetched                                          4
    ├── StoreError                 conversations could not be read or written                          1
    │   └── UnknownConversation    no conversation of that id                                          2
    └── ProviderError              a server was asked, and
        ├── Unreachable            ... nobody answered                                                 5
        │   └── ConnectionDropped  ... the line was cut before a word came (worth another try)
        ├── TimedOut               ... nobody answered in time                                         5
        ├── Refused                ... it said no (`status`)                                           6
        │   ├── Unauthorized       ... the key is missing or wrong                                     4
        │   ├── NotFound           ... no such address or model
        │   ├── RateLimited        ... not now (`retry_after`)
        │   ├── Overloaded         ... it is too busy or broken for the moment
        │   ├── Loading            ... the model is being loaded: ask again
        │   ├── ContextExceeded    ... the conversation is too long (`tokens`, `limit`)
        │   └── JobFailed          ... a picture could not be made (`pictures` that were)
        └── BrokenStream           ... it broke off; what had come is kept                             7

A face (command line, screen) catches `PlumaError` once. Anything else is a bug and is not caught.
Messages never hold a secret, and may hold text from outside: make them safe before a terminal sees them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pluma_tui.core.images import Picture


class PlumaError(Exception):
    """Base of all that pluma reports. `hint` says what to try; both are for people to read."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def sentence(self) -> str:
        """What went wrong and what to try, for one line."""
        stop = "" if self.message.endswith((".", "!", "?", "…")) else "."
        return f"{self.message}{stop} {self.hint}".rstrip()

    @property
    def kind(self) -> str:
        """The name of the class, as `--json` says it."""
        return type(self).__name__


class UsageError(PlumaError):
    """The command line or a call was not said right."""

    exit_code = 2


class ConfigError(PlumaError):
    """A setting is wrong or missing. `key` is its dotted path; `line` counts from 1, 0 when unknown."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", key: str = "", line: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.key = key
        self.line = line


class UnknownPlugin(ConfigError):
    """No provider is registered under that name."""


class SecretError(PlumaError):
    """A secret could not be fetched. Says which reference, never what it holds."""

    exit_code = 4


class StoreError(PlumaError):
    """Conversations could not be read or written."""


class UnknownConversation(StoreError):
    """No conversation, or more than one, goes by that id."""

    exit_code = 2


class ProviderError(PlumaError):
    """A server was asked and did not do it."""

    exit_code = 6


class Unreachable(ProviderError):
    """Nobody answered at that address."""

    exit_code = 5


class ConnectionDropped(Unreachable):
    """The connection was closed before the server had answered with a word."""

    retryable = True


class TimedOut(ProviderError):
    """Nobody answered within the time limit, and nothing had been sent yet."""

    exit_code = 5


class Refused(ProviderError):
    """The server answered: no. `status` is the HTTP status, 0 if it came inside a stream."""

    def __init__(self, message: str, *, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Unauthorized(Refused):
    """The key is missing, wrong, or not allowed to do this."""

    exit_code = 4


class NotFound(Refused):
    """No such address or model on that server."""


class RateLimited(Refused):
    """Too many requests. `retry_after` is in seconds, None where the server did not say."""

    retryable = True

    def __init__(
        self, message: str, *, hint: str = "", status: int = 429, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.retry_after = retry_after


class Overloaded(RateLimited):
    """The server, or a gateway before it, cannot answer at the moment (500s that pass)."""


class Loading(Refused):
    """The server is there and its model is still being loaded."""


class ContextExceeded(Refused):
    """The conversation does not fit. `tokens` and `limit` are in tokens, 0 where unknown."""

    def __init__(
        self, message: str, *, hint: str = "", status: int = 400, tokens: int = 0, limit: int = 0
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.tokens = tokens
        self.limit = limit


class JobFailed(Refused):
    """A picture's job failed, or was ended by somebody else. `pictures` were finished before that."""

    def __init__(
        self, message: str, *, hint: str = "", status: int = 0, pictures: Sequence["Picture"] = ()
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.pictures = tuple(pictures)


class BrokenStream(ProviderError):
    """The answer broke off without an ending. What had come is kept."""

    exit_code = 7
