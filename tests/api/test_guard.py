"""Other sites, and other names for this machine, get nothing."""

import pytest

from api.guard import is_ours, refusal

HOME = "127.0.0.1:8501"


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:8501", "[::1]:8501", "bancada.localhost", "127.0.0.2"])
def test_names_of_this_machine_are_answered(host: str) -> None:
    assert refusal(host, None, None, safe=True) == ""


@pytest.mark.parametrize(
    "host", ["evil.example:8501", "", "192.168.1.5:8501", "localhost.evil.example", "[::1", "127.0.0.1.evil.example"]
)
def test_other_names_are_not_even_read(host: str) -> None:
    assert refusal(host, None, None, safe=True)


def test_our_own_page_may_post_and_so_may_a_program() -> None:
    assert refusal(HOME, f"http://{HOME}", "same-origin", safe=False) == ""
    assert refusal(HOME, None, None, safe=False) == ""


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://evil.example", "cross-site"),
        ("https://evil.example", None),
        ("null", None),
        ("http://127.0.0.1:9999", "same-site"),
        ("http://localhost:8501", None),
        (None, "cross-site"),
    ],
)
def test_a_foreign_page_may_not_post(origin: str | None, site: str | None) -> None:
    assert refusal(HOME, origin, site, safe=False)


def test_a_link_from_elsewhere_may_be_followed() -> None:
    assert refusal(HOME, None, "cross-site", safe=True) == ""


def test_a_name_can_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_ours("lab.example")
    monkeypatch.setenv("BANCADA_ALLOWED_HOSTS", "lab.example, other.example")
    assert is_ours("lab.example")
    assert not is_ours("")
