import asyncio
import json
import socket
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from keras_dcat.export import Description
from keras_dcat.streaming import Decision, LivePage, Moment, Sensor

aiohttp = pytest.importorskip("aiohttp")

NASTY = "<img src=x onerror=document.title='hacked'>"
DESCRIPTION = Description(("still", NASTY), "imu", 20.0, 1.0, 0.5, (20, 3))


def moment(at=1.0, label="still", truth="still", count=2):
    probabilities = np.array([0.75, 0.25] if label == "still" else [0.125, 0.875])
    decisions = [Decision(at, label, probabilities)]
    return Moment(at, np.ones((count, 3)), decisions, [truth])


@pytest.fixture
def page():
    with LivePage(DESCRIPTION, port=0, max_clients=3, title=NASTY) as page:
        yield page


def get(page, **headers):
    request = urllib.request.Request(page.url, headers=headers)
    return urllib.request.urlopen(request, timeout=5)


def looking_on(page, task, **options):
    """Runs `task(socket)` with a page that looks on."""

    async def run():
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(page.url + "live", **options) as own:
                return await asyncio.wait_for(task(own), 10)

    return asyncio.run(run())


def clients(page, count):
    """Waits until so many pages look on."""
    until = time.monotonic() + 5
    while len(page._clients) != count and time.monotonic() < until:
        time.sleep(0.01)
    return len(page._clients)


async def two_messages(own):
    return json.loads(await own.receive_str()), json.loads(await own.receive_str())


async def one_message(page, own, value):
    await own.receive_str()
    page.show(value)
    return json.loads(await own.receive_str())


def test_a_page_is_greeted_and_then_told_what_happens(page):
    async def task(own):
        greeting = json.loads(await own.receive_str())
        page.show(moment(count=1000))
        return greeting, json.loads(await own.receive_str())

    greeting, told = looking_on(page, task)
    assert greeting == {
        "kind": "hello",
        "title": NASTY,
        "names": ["still", NASTY],
        "several": False,
        "length": 1.0,
        "stride": 0.5,
        "sensors": [
            {"name": "imu", "unit": "", "channels": ["x", "y", "z"], "hidden": 0}
        ],
        "past": [],
    }
    assert told["decisions"] == [
        {"time": 1.0, "label": "still", "probabilities": [0.75, 0.25], "truth": "still"}
    ]
    (samples,) = told["signals"]
    assert len(samples) == 25
    assert samples[0] == [1.0, 1.0, 1.0]


def test_who_comes_later_is_told_what_was_said(page):
    for at in range(600):
        page.show(moment(float(at)))

    async def task(own):
        return json.loads(await own.receive_str())

    past = looking_on(page, task)["past"]
    assert [each["time"] for each in past] == list(range(100, 600))


def test_other_sensors_have_panels_of_their_own():
    frame = Description(("a", "b"), "camera", 5.0, 1.0, 1.0, (5, 8, 8, 3))
    sensors = [Sensor("camera"), Sensor("imu", ("ax", "ay"), "m/s²")]
    samples, beside = np.zeros((2, 8, 8, 3)), {"imu": np.ones((4, 2))}
    both = Moment(1.0, samples, [], [], beside)
    with LivePage(frame, port=0, sensors=sensors) as page:

        async def task(own):
            greeting = json.loads(await own.receive_str())
            page.show(both)
            page.show(Moment(2.0, samples, [], []))
            messages = [json.loads(await own.receive_str()) for _ in range(2)]
            return greeting, *messages

        greeting, first, second = looking_on(page, task)
    camera, imu = greeting["sensors"]
    assert (len(camera["channels"]), camera["hidden"]) == (12, 8 * 8 * 3 - 12)
    assert imu == {"name": "imu", "unit": "m/s²", "channels": ["ax", "ay"], "hidden": 0}
    assert [np.shape(each) for each in first["signals"]] == [(2, 12), (4, 2)]
    assert second["signals"][1] == []


def test_the_first_sensor_must_be_that_of_the_classifier():
    with pytest.raises(ValueError, match=r"\['gyro', 'imu'\].*takes 'imu'.*Put that"):
        LivePage(DESCRIPTION, sensors=[Sensor("gyro"), Sensor("imu")])


@pytest.fixture
def open_page():
    with pytest.warns(UserWarning, match="open to the network.*Leave `host` out"):
        page = LivePage(DESCRIPTION, "0.0.0.0", port=0).__enter__()
    yield page
    page.__exit__(None, None, None)


@pytest.mark.parametrize("path", ["", "live"])
def test_in_a_network_nobody_is_answered_without_the_token(open_page, path):
    address, query = open_page.url.split("?")
    port = address.rstrip("/").rsplit(":", 1)[1]
    own = f"http://127.0.0.1:{port}/{path}"
    for wrong in (own, own + "?token=", own + "?" + query[:-1]):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(wrong, timeout=5)
    request = urllib.request.Request(f"{own}?{query}", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=5)
    if not path:
        with urllib.request.urlopen(f"{own}?{query}", timeout=5) as answer:
            text = answer.read().decode()
        assert "canvas" in text
        assert query.removeprefix("token=") not in text


def test_only_this_machine_is_listened_to(page):
    assert page.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("path", ["", "live"])
def test_another_name_for_this_machine_is_refused(page, path):
    request = urllib.request.Request(page.url + path, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=5)


def test_another_site_may_not_look_on(page):
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        looking_on(page, two_messages, headers={"Origin": "https://evil.example"})
    own = {"Origin": page.url.rstrip("/")}
    assert looking_on(page, lambda own: own.receive_str(), headers=own)


def test_nothing_but_its_own_script_runs(page):
    with get(page) as answer:
        policy, text = answer.headers["Content-Security-Policy"], answer.read().decode()
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert "default-src 'none'" in policy
    assert f'<script nonce="{nonce}">' in text
    assert "{nonce}" not in text
    with get(page) as again:
        assert nonce not in again.headers["Content-Security-Policy"]


def test_a_page_too_many_is_refused_and_one_that_leaves_makes_room(page):
    async def task():
        async with aiohttp.ClientSession() as session:
            url = page.url + "live"
            sockets = [await session.ws_connect(url) for _ in range(3)]
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await session.ws_connect(url)
            await sockets[0].close()
            while len(page._clients) > 2:
                await asyncio.sleep(0.01)
            await session.ws_connect(url)

    asyncio.run(asyncio.wait_for(task(), 10))


def test_who_says_too_much_is_cut_off_and_others_stay(page):
    async def task(other):
        await other.receive_str()
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(page.url + "live") as own:
                await own.receive_str()
                await own.send_str("x" * 5000)
                closed = await own.receive()
        page.show(moment())
        return closed, await other.receive_str()

    closed, told = looking_on(page, task)
    assert closed.type == aiohttp.WSMsgType.CLOSE
    assert closed.data == 1009
    assert "moment" in told


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff" * 500,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET /" + b"a" * 100_000,
        b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: short\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:x\r\nOrigin: http://[\r\n\r\n",
    ],
    ids=range(6),
)
def test_garbage_does_not_end_it(page, garbage, caplog):
    host, port = page.url.removeprefix("http://").rstrip("/").split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(7)  # garbage may have no version to answer in
            assert not answer or answer == b"HTTP/1."
    assert looking_on(page, lambda own: own.receive_str())
    assert not caplog.records  # nothing of it between the lines of a terminal


def test_what_goes_wrong_in_the_page_itself_is_logged(page, caplog, monkeypatch):
    monkeypatch.setattr(page, "_check", lambda request: 1 / 0)
    with pytest.raises(urllib.error.HTTPError):
        get(page)
    assert "ZeroDivisionError" in caplog.text


def test_what_is_no_number_is_null(page):
    async def task(own):
        await own.receive_str()
        values = np.array([[np.nan, 1.0, np.inf], [0.0, -np.inf, 2.0]])
        decision = Decision(1.0, "still", np.array([np.nan, 1.0]))
        page.show(Moment(1.0, values, [decision], [None]))
        page.show(Moment(np.nan, values, [], []))
        return await own.receive_str(), await own.receive_str()

    first, second = looking_on(page, task)
    assert "NaN" not in first + second
    first, second = map(json.loads, (first, second))
    assert first["signals"] == [[[None, 1, None], [0, None, 2]]]
    assert first["decisions"][0]["probabilities"] == [None, 1]
    assert second["time"] is None


def test_garbage_in_a_socket_does_not_end_it(page):
    async def task(own):
        await own.receive_str()
        for text in ("{", "null", NASTY):
            await own.send_str(text)
        await own.send_bytes(bytes(range(256)))
        page.show(moment())
        return await own.receive_str()

    assert "moment" in looking_on(page, task)


def test_who_is_gone_without_a_word_is_forgotten(page):
    async def task(own):
        await own.receive_str()
        own._response.connection.transport.abort()

    looking_on(page, task)
    for _ in range(3):
        page.show(moment())
    assert clients(page, 0) == 0
    assert looking_on(page, lambda own: own.receive_str())


def test_who_does_not_read_is_cut_off_and_memory_does_not_grow(page):
    async def task(own):
        await own.receive_str()
        for number in range(20_000):
            page.show(moment(number / 10, count=25))
        while len(page._clients):
            await asyncio.sleep(0.01)

    looking_on(page, task)
    assert looking_on(page, lambda own: own.receive_str())


def test_when_it_ends_pages_are_told_and_the_address_is_free():
    with LivePage(DESCRIPTION, port=0) as page:
        url, port = page.url, int(page.url.rstrip("/").rsplit(":", 1)[1])
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)
    with pytest.raises(RuntimeError, match="with LivePage"):
        page.show(moment())
    with LivePage(DESCRIPTION, port=port) as again:
        assert again.url == url
        with pytest.raises(OSError, match="address already in use"):
            LivePage(DESCRIPTION, port=port).__enter__()


def test_no_client_at_all_is_refused():
    with pytest.raises(ValueError, match="max_clients=0"):
        LivePage(DESCRIPTION, max_clients=0)
