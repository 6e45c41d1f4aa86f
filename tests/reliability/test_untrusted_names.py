"""Names from strangers are shown as text, and other sites see nothing of a live page.

What a browser makes of them is in `tests/streaming/test_page.py` and
`tests/evaluation/test_report.py`; the pages themselves are in `test_code_is_safe.py`.
"""

import http.client
import io
import math
import urllib.parse

import numpy as np
import pytest

from keras_dcat.evaluation import write_report
from keras_dcat.export import Description
from keras_dcat.export.card import model_card
from keras_dcat.streaming import Decision, LivePage, Moment, print_replay, terminal
from tests.evaluation.test_report import SHARES, results

SCRIPT = "<script>alert(1)</script>"
STEERS = "sit\x1b]0;owned\x07\x1b[2J\rwalk\nrun\x9b31m\u202e手"


@pytest.fixture(scope="module")
def page():
    pytest.importorskip("aiohttp")
    description = Description(("sit", SCRIPT), SCRIPT, 20.0, 1.0, 0.5, (20, 3))
    with LivePage(description, port=0) as page:
        yield page


def status(page, path, **headers):
    """The status of an answer to a request with just these headers."""
    server = urllib.parse.urlsplit(page.url).netloc
    connection = http.client.HTTPConnection(server, timeout=5)
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    own = {"Host": server, **(upgrade if path == "/live" else {})}
    connection.request("GET", path, headers={**own, **headers})
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/", "/live"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "evil.example#127.0.0.1",
        "192.168.0.7",
        "0.0.0.0",
        "",
    ],
)
def test_a_name_that_a_foreign_site_gave_this_machine_is_refused(page, path, host):
    port = urllib.parse.urlsplit(page.url).port
    assert status(page, path, Host=f"{host}:{port}") in (400, 403)
    assert status(page, path) == (101 if path == "/live" else 200)


@pytest.mark.parametrize(
    "origin", ["null", "http://127.0.0.1", "http://127.0.0.1:1", "https://{}", "{}", ""]
)
def test_a_page_of_another_origin_may_not_look_on(page, origin):
    own = urllib.parse.urlsplit(page.url).netloc
    assert status(page, "/live", Origin=origin.format(own)) == 403
    assert status(page, "/live", Origin=f"http://{own}") == 101


def test_what_is_asked_for_is_not_sent_back(page):
    server = urllib.parse.urlsplit(page.url).netloc
    connection = http.client.HTTPConnection(server, timeout=5)
    connection.request("GET", "/" + urllib.parse.quote(SCRIPT))
    answer = connection.getresponse()
    assert answer.status == 404
    assert b"script" not in answer.read()
    connection.close()


@pytest.mark.parametrize("name", ["javascript:alert(1)", 'a"onclick="alert(1)', SCRIPT])
def test_a_report_links_to_its_table_whatever_its_own_name_is(name, tmp_path):
    name = name.replace("/", "\N{FRACTION SLASH}")
    path = tmp_path / f"{name}.html"
    few = results(SHARES, [("camera", "imu")], ["a"])
    write_report(path, {"one": few}, title=name)
    text = path.read_text("utf-8")
    (link,) = (part.split('"')[0] for part in text.split('<a href="')[-1:])
    assert urllib.parse.unquote(link) == f"{name}.csv"
    assert not set(link) & set("<>\"':")
    assert "<script" not in text


def test_a_name_does_not_steer_the_terminal(monkeypatch):
    decision = Decision(1.0, STEERS, np.array([0.25, 0.75]))
    moment = Moment(1.0, np.ones((2, 3)), [decision], [STEERS])
    monkeypatch.setattr(terminal, "replay", lambda *args, **options: [moment])
    recording = type("Recording", (), {"session": STEERS})
    description = Description((STEERS, "run"), "imu", 20.0, 1.0, 0.5, (20, 3))
    classifier = type("Classifier", (), {"description": description})
    file = io.StringIO()
    assert print_replay(classifier, [recording], speed=math.inf, file=file) == (1, 1)
    line = file.getvalue().split("\nRight")[0].rstrip("\n")
    assert line.isprintable()
    assert line.count(r"sit\x1b]0;owned\x07\x1b[2J\rwalk\nrun\x9b31m\u202e手") == 3


def test_a_name_is_no_markup_in_a_model_card():
    names = ("sit", f"a|b\n## {SCRIPT}")
    description = Description(names, SCRIPT, 50.0, 2.0, 1.0, (100, 3))
    labels, subjects = np.tile([0, 1], 20), np.repeat(["a", "b"], 20)
    card = model_card(description, labels, labels, subjects, {"λ": SCRIPT}, {}, "T")
    assert "<" not in card
    assert r"| a\|b ## &lt;script&gt;alert(1)&lt;/script&gt; |" in card
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert len(headings) == 3
