import pytest

from keras_dcat.streaming.page_access import Access, is_loopback


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.0.7", False),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_this_machine_is_told_from_others(name, expected):
    assert is_loopback(name) == expected


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_on_loopback_no_token_is_needed(host):
    access = Access("127.0.0.1")
    assert not access.is_open
    assert access.url(8000) == "http://127.0.0.1:8000/"
    assert access.refusal(host, None, "") == ""
    assert access.refusal(host, f"http://{host}", "") == ""


@pytest.mark.parametrize("host", ["evil.example", "192.168.0.7:8000", "", "[::"])
def test_on_loopback_another_name_is_refused(host):
    assert "Only this machine" in Access("127.0.0.1").refusal(host, None, "")


@pytest.mark.parametrize("own", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://127.0.0.1:80", "null", ""]
)
def test_another_site_is_refused(own, origin):
    access = Access(own)
    refusal = access.refusal("127.0.0.1:80", origin, access.token)
    assert refusal == "Another site may not look on."


def test_in_a_network_the_token_is_needed():
    access = Access("0.0.0.0")
    url = access.url(8000)
    assert url.startswith("http://")
    assert url.endswith(f":8000/?token={access.token}")
    assert "0.0.0.0" not in url
    assert len(access.token) > 20
    assert access.token != Access("0.0.0.0").token
    host = "192.168.0.7:8000"
    assert access.refusal(host, None, access.token) == ""
    assert access.refusal(host, f"http://{host}", access.token) == ""
    for wrong in ("", access.token[:-1], access.token + "x", "\udcff"):
        assert "must have its token" in access.refusal(host, None, wrong)


def test_in_a_network_a_name_that_was_not_listened_to_is_refused():
    access = Access("lab.example")
    assert access.url(80).startswith("http://lab.example:80/")
    assert access.refusal("lab.example:80", None, access.token) == ""
    refusal = access.refusal("evil.example:80", "http://evil.example:80", access.token)
    assert "Open the page by the address" in refusal


def test_an_address_with_colons_is_written_in_brackets():
    assert Access("fd00::7").url(80).startswith("http://[fd00::7]:80/?token=")
