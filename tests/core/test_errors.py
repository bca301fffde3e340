import pytest

from pluma_tui.core import errors

CODES = {
    "UsageError": 2, "UnknownConversation": 2, "ConfigError": 3, "UnknownPlugin": 3, "SecretError": 4,
    "Unauthorized": 4,
    "Unreachable": 5, "ConnectionDropped": 5, "TimedOut": 5, "Refused": 6, "NotFound": 6, "RateLimited": 6,
    "Overloaded": 6, "Loading": 6, "ContextExceeded": 6, "ProviderError": 6, "BrokenStream": 7,
}  # fmt: skip


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_every_error_has_the_exit_code_that_scripts_rely_on(name: str, code: int):
    error = getattr(errors, name)("what", hint="what to do")
    assert (error.exit_code, error.kind, error.message, error.hint) == (code, name, "what", "what to do")
    assert isinstance(error, errors.PlumaError)


def test_only_what_may_pass_by_itself_is_worth_another_try():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert {kind.__name__ for kind in kinds if getattr(kind, "retryable", False)} == {
        "ConnectionDropped",
        "RateLimited",
        "Overloaded",
    }
