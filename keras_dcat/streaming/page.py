"""A web page that shows what comes in and what is said of it, as it happens."""

import asyncio
import contextlib
import importlib.resources
import ipaddress
import json
import logging
import math
import secrets
import threading
from urllib.parse import urlsplit

import numpy as np

from keras_dcat.export import Description
from keras_dcat.extras import require
from keras_dcat.shown import counted, shown_as_printed
from keras_dcat.streaming.replay import Moment

_MESSAGE_BYTES = 1024  # a page has nothing to say; who says more is cut off
_WAITING = 100  # messages that a slow page may be behind before it is cut off
_POINTS = 25  # of a chunk are drawn at most
_SECONDS = 5.0  # in which a server must have started, or ended


@shown_as_printed
class LivePage:
    """Serves one page with the signal, the probabilities, and the truth, live.

    A context manager: the server runs in a thread of its own while it is entered, at
    the address in the attribute `url`. Only this machine can reach it, unless `host`
    says otherwise; then anybody who can reach that address sees the signal. What pages
    send is not read. Pages that are too slow, too many, or of another site are cut off.

    Args:
        description: `Description` of the artefact that classifies.
        host: str. Address to listen at.
        port: int. 0 for any that is free.
        max_clients: int. How many pages may look on at once.
        title: str. What stands above the signal.

    Raises:
        ImportError: if aiohttp, which serves the page, is not installed.
        OSError: on entering, if the address cannot be had.
        ValueError: if `max_clients` is not positive.

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
        max_clients: int = 16,
        title: str = "",
    ):
        if max_clients < 1:
            raise ValueError(
                "`max_clients` must be 1 or more. "
                f"Received: max_clients={max_clients}. Leave it out for 16."
            )
        self._web = require("aiohttp.web", extra="live")
        self._greeting = _text(
            kind="hello",
            title=title or description.stream,
            names=list(description.class_names),
            channels=math.prod(description.shape[1:]),
        )
        self._host, self._port, self._max_clients = host, port, max_clients
        self._html = importlib.resources.files(__package__).joinpath("page.html")
        self._clients: set[asyncio.Queue] = set()
        self.url: str | None = None

    def __str__(self) -> str:
        where = "not served" if self.url is None else f"at {self.url}"
        return f"<LivePage {where}, {counted(len(self._clients), 'page')} look on>"

    def __enter__(self):
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
        samples = np.asarray(moment.samples, "float64")
        samples = samples.reshape(len(samples), -1)
        samples = samples[:: -(-len(samples) // _POINTS) or 1]
        message = _text(
            kind="moment",
            time=_numbers(moment.time),
            samples=_numbers(samples.round(4)),
            decisions=[
                {
                    "time": _numbers(decision.time),
                    "label": decision.label,
                    "probabilities": _numbers(np.round(decision.probabilities, 4)),
                    "truth": truth,
                }
                for decision, truth in zip(moment.decisions, moment.truths, strict=True)
            ],
        )
        self._loop.call_soon_threadsafe(self._send, message)

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
        port = self._runner.addresses[0][1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{host}:{port}/"

    async def _stop(self):
        for queue in list(self._clients):
            _end(queue)
        await self._runner.cleanup()

    def _send(self, message):
        for queue in list(self._clients):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                self._clients.discard(queue)
                _end(queue)

    async def _page(self, request):
        self._check_host(request)
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
        self._check_host(request)
        origin = request.headers.get("Origin")
        if origin not in (None, f"http://{request.host}"):
            raise self._web.HTTPForbidden(text="Another site may not look on.")
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
                await socket.send_str(self._greeting)
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

    def _check_host(self, request):
        """Another name for this machine is how a foreign site gets past a browser."""
        if _is_loopback(self._host) and not _is_loopback(_name(request.host)):
            raise self._web.HTTPForbidden(text="Only this machine may look on.")


async def _pass_on(queue, socket):
    while (message := await queue.get()) is not None:
        await socket.send_str(message)
    await socket.close()


def _end(queue):
    """Lets what waits go, and says that there will be no more."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def _name(host):
    """A `Host` header less its port; nothing where it makes no sense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name):
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


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
