import pytest

from pluma_tui.core.errors import ConfigError
from pluma_tui.transport.address import environment_proxy, is_loopback, read_base_url, upstream


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://localhost:8080", "http://localhost:8080/v1"),
        ("http://localhost:8080/", "http://localhost:8080/v1"),
        (" https://api.openai.com/v1/ ", "https://api.openai.com/v1"),
        ("https://host/openai/v1//", "https://host/openai/v1"),
        ("HTTP://[::1]:8080", "http://[::1]:8080/v1"),
        ("http://host?x=1#y", "http://host/v1"),
        ("http://bücher.example", "http://xn--bcher-kva.example/v1"),
    ],
)
def test_a_base_url_gets_a_path_where_it_has_none(written: str, meant: str) -> None:
    assert str(read_base_url(written, "/v1")) == meant


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("api.openai.com/v1", "https://api.openai.com/v1"),
        ("//host", "http://localhost:8080"),
        ("ftp://host/x", "https://host/x"),
        ("", "http://localhost:8080"),
        ("http://", "http://localhost:8080"),
        ("http:///v1", "http://localhost:8080"),
        ("http://host:99999", ""),
        ("http://host:port", ""),
        ("http://ho st", ""),
        ("http://[::1", ""),
    ],
)
def test_what_is_no_address_is_said_with_advice(written: str, advice: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_base_url(written)
    assert caught.value.key == "base_url"
    assert advice in caught.value.hint


@pytest.mark.parametrize("written", ["http://ann:pa$$@host:99999", "ftp://ann:pa$$@host"])
def test_a_password_in_an_address_is_never_shown(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_base_url(written)
    assert "pa$$" not in str(caught.value) + caught.value.hint
    assert upstream(read_base_url("http://ann:pa$$@host/v1")) == "http://host/v1"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LocalHost.", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("128.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_this_machine_is_known_in_all_its_spellings(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_environments_proxy_is_asked_for_at_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    there, here = read_base_url("https://api.example"), read_base_url("https://127.0.0.1:8443")
    assert environment_proxy(there) == ""
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    monkeypatch.setenv("ALL_PROXY", "socks5://other:1080")
    assert environment_proxy(there) == "http://proxy:3128"
    assert environment_proxy(read_base_url("http://api.example")) == "socks5://other:1080"
    assert environment_proxy(here) == ""
    monkeypatch.setenv("NO_PROXY", ".example")
    assert environment_proxy(there) == ""
