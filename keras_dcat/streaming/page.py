"""A web page that shows what comes in and what is said of it, as it happens."""

import asyncio
import collections
import contextlib
import importlib.resources
import json
import logging
import math
import secrets
import threading
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_dcat.export import Description
from keras_dcat.extras import require
from keras_dcat.shown import counted, shown_as_printed
from keras_dcat.streaming.page_access import Access
from keras_dcat.streaming.replay import Moment

_MESSAGE_BYTES = 1024  # a page has nothing to say; who says more is cut off
_WAITING = 100  # messages that a slow page may be behind before it is cut off
_POINTS = 25  # of a chunk are drawn at most
_CHANNELS = 12  # of a sensor are drawn at most
_PAST = 500  # decisions that a page is told which comes later
_SECONDS = 5.0  # in which a server must have started, or ended


class Sensor(NamedTuple):
    """Name, channels and unit of one panel of a page.

    Attributes:
        name: str, that of its stream.
        channels: tuple of str, of the legend; numbers, or x, y and z, if empty.
        unit: str, such as `"m/s²"`; none if empty.
    """

    name: str
    channels: tuple[str, ...] = ()
    unit: str = ""


@shown_as_printed
class LivePage:
    """Serves one page with signals, decisions and the truth, live.

    Each sensor has a panel with a legend, its unit and a scale. A strip below has what
    was said, as high as the model was sure, and the truth above it. The page can be
    paused, and saves the decisions as CSV.

    A context manager: the server runs in a thread of its own while it is entered, at
    the address in the attribute `url`. Only this machine can reach it, unless `host`
    says otherwise: then a warning says so, and the address has a token, without which
    nobody is answered. What pages send is not read. Pages that are too slow, too many,
    or of another site are cut off.

    Args:
        description: `Description` of the artefact that classifies.
        host: str. Address to listen at; `"0.0.0.0"` for all of this machine's, so that
            a phone in the same network can look on.
        port: int. 0 for any that is free.
        sensors: sequence of `Sensor`, that of the classifier first; that one alone
            unless given. The samples of the others are `Moment.others`.
        max_clients: int. How many pages may look on at once.
        title: str. What stands above the signal.

    Raises:
        ImportError: if aiohttp, which serves the page, is not installed.
        OSError: on entering, if the address cannot be had.
        ValueError: if `max_clients` is not positive, or the first sensor is not that of
            the classifier.

    Example:

    >>> # with LivePage(classifier.description) as page:
    >>> #     for moment in replay(classifier, recording):
    >>> #         page.show(moment)
    """

    def __init__(
        self,
        description: Description,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        sensors: Sequence[Sensor] = (),
        max_clients: int = 16,
        title: str = "",
    ):
        if max_clients < 1:
            raise ValueError(
                "`max_clients` must be 1 or more. "
                f"Received: max_clients={max_clients}. Leave it out for 16."
            )
        self._web = require("aiohttp.web", extra="live")
        self.sensors = tuple(sensors) or (Sensor(description.stream),)
        if self.sensors[0].name != description.stream:
            raise ValueError(
                "The first of `sensors` must be that of the classifier. "
                f"Received: {[each.name for each in self.sensors]}, where it takes "
                f"{description.stream!r}. Put that one first."
            )
        size = math.prod(description.shape[1:])
        self._greeting = {
            "kind": "hello",
            "title": title or description.stream,
            "names": list(description.class_names),
            "several": description.is_multilabel,
            "length": description.length,
            "stride": description.stride,
            "sensors": [_panel(self.sensors[0], size)]
            + [_panel(each, len(each.channels) or 3) for each in self.sensors[1:]],
        }
        self._past: collections.deque = collections.deque(maxlen=_PAST)
        self._access = Access(host)
        self._host, self._port, self._max_clients = host, port, max_clients
        self._html = importlib.resources.files(__package__).joinpath("page.html")
        self._clients: set[asyncio.Queue] = set()
        self.url: str | None = None

    def __str__(self) -> str:
        where = "not served" if self.url is None else f"at {self.url}"
        return f"<LivePage {where}, {counted(len(self._clients), 'page')} look on>"

    def __enter__(self):
        if self._access.is_open:
            warnings.warn(
                "The page is open to the network: whoever has its address, with the "
                "token, sees the signal, and what is sent is not encrypted. Leave "
                "`host` out for this machine alone.",
                stacklevel=2,
            )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._do(self._start())
        except BaseException:
            self._end_loop()
            raise
        return self

    def __exit__(self, *exception):
        self._do(self._stop())
        self._end_loop()
        self.url = None

    def show(self, moment: Moment) -> None:
        """Sends a moment to every page that looks on. Does not wait for them.

        Args:
            moment: `Moment`, as of `replay`.

        Raises:
            RuntimeError: if the page is not entered.
        """
        if self.url is None:
            raise RuntimeError(
                "A page must be served before it can show anything. "
                "Received: a moment outside of `with`. Write: with LivePage(…) as page:"
            )
        names = [each.name for each in self.sensors[1:]]
        others = [moment.others.get(name, _NOTHING) for name in names]
        decisions = [
            {
                "time": _numbers(decision.time),
                "label": decision.label,
                "probabilities": _numbers(np.round(decision.probabilities, 4)),
                "truth": truth,
            }
            for decision, truth in zip(moment.decisions, moment.truths, strict=True)
        ]
        message = _text(
            kind="moment",
            time=_numbers(moment.time),
            signals=[_points(each) for each in (moment.samples, *others)],
            decisions=decisions,
        )
        self._loop.call_soon_threadsafe(self._send, message, decisions)

    def _do(self, task):
        """Runs a coroutine in the server's thread, and waits for it."""
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(_SECONDS)

    def _end_loop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    async def _start(self):
        app = self._web.Application(client_max_size=_MESSAGE_BYTES)
        app.router.add_get("/", self._page)
        app.router.add_get("/live", self._live)
        log = _quiet_about_garbage()
        self._runner = self._web.AppRunner(app, access_log=None, logger=log)
        await self._runner.setup()
        site = self._web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.url = self._access.url(self._runner.addresses[0][1])

    async def _stop(self):
        for queue in list(self._clients):
            _end(queue)
        await self._runner.cleanup()

    def _send(self, message, decisions):
        self._past.extend(decisions)
        for queue in list(self._clients):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                self._clients.discard(queue)
                _end(queue)

    async def _page(self, request):
        self._check(request)
        nonce = secrets.token_urlsafe(16)
        html = self._html.read_text("utf-8").replace("{nonce}", nonce)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; "
            f"style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        return self._web.Response(text=html, content_type="text/html", headers=headers)

    async def _live(self, request):
        self._check(request)
        if len(self._clients) >= self._max_clients:
            raise self._web.HTTPServiceUnavailable(text="Too many pages look on.")
        queue: asyncio.Queue = asyncio.Queue(_WAITING)
        self._clients.add(queue)  # before anything is awaited: they are counted
        try:
            socket = self._web.WebSocketResponse(
                max_msg_size=_MESSAGE_BYTES, heartbeat=20.0, timeout=2.0
            )
            try:
                await socket.prepare(request)
                await socket.send_str(_text(**self._greeting, past=list(self._past)))
            except ConnectionError:  # gone before it was greeted
                return self._web.Response()
            sending = asyncio.create_task(_pass_on(queue, socket))
            try:
                async for _ in socket:  # until it closes, or says too much
                    pass
            finally:
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await sending
            return socket
        finally:
            self._clients.discard(queue)

    def _check(self, request):
        origin, token = request.headers.get("Origin"), request.query.get("token", "")
        if refusal := self._access.refusal(request.host, origin, token):
            raise self._web.HTTPForbidden(text=refusal)


async def _pass_on(queue, socket):
    while (message := await queue.get()) is not None:
        await socket.send_str(message)
    await socket.close()


def _end(queue):
    """Lets what waits go, and says that there will be no more."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def _panel(sensor, count):
    """What a page must know to draw a sensor."""
    channels = sensor.channels or (
        ("x", "y", "z") if count == 3 else tuple(map(str, range(1, count + 1)))
    )
    return {
        "name": sensor.name,
        "unit": sensor.unit,
        "channels": list(channels[:_CHANNELS]),
        "hidden": max(0, len(channels) - _CHANNELS),
    }


def _points(samples):
    """What is drawn of samples `(samples, channels…)`."""
    samples = np.asarray(samples, "float64")
    if not len(samples):
        return []
    samples = samples.reshape(len(samples), -1)[:, :_CHANNELS]
    return _numbers(samples[:: -(-len(samples) // _POINTS) or 1].round(4))


_NOTHING = np.empty((0, 1))  # of a sensor of which there is nothing


def _numbers(values):
    """Numbers as JSON has them, in which what is not finite is null."""
    values, nothing = np.asarray(values, "float64"), np.array(None, object)
    return np.where(np.isfinite(values), values, nothing).tolist()


def _text(**fields):
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


def _is_no_request(record):
    """Whether a server tells of what somebody sent that is no HTTP."""
    kind = (record.exc_info or (None,))[0]
    errors = require("aiohttp.http_exceptions", extra="live")
    return kind is not None and issubclass(kind, errors.HttpProcessingError)


def _quiet_about_garbage():
    """The server's log without what strangers send, which would fill a terminal."""
    log = logging.getLogger("aiohttp.server")
    own = logging.Logger("keras_dcat.live", log.level)
    own.parent = log
    own.addFilter(lambda record: not _is_no_request(record))
    return own
