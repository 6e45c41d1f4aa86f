"""Who may look at a page: this machine alone, or who has the address with its token."""

import ipaddress
import secrets
import socket
from urllib.parse import urlsplit


class Access:
    """What a request must bear to be answered.

    Args:
        host: str. Address that is listened to.

    Attributes:
        is_open: bool. Whether others than this machine can reach it.
        token: str that the address of the page then has; empty otherwise.

    Example:

    >>> Access("127.0.0.1").refusal("evil.example:8000", None, "")
    'Only this machine may look on.'
    """

    def __init__(self, host: str):
        self._host = host
        self.is_open = not is_loopback(host)
        self.token = secrets.token_urlsafe(16) if self.is_open else ""

    def url(self, port: int) -> str:
        """The address to be opened in a browser.

        Args:
            port: int.

        Returns:
            str.
        """
        host = _own_address() if self._host in ("0.0.0.0", "::", "") else self._host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}/" + (f"?token={self.token}" * self.is_open)

    def refusal(self, host: str, origin: str | None, token: str) -> str:
        """Why a request is not answered.

        Another name for this machine is how a foreign site gets past a browser, so that
        only addresses, and the name that was listened to, count as this machine.

        Args:
            host: str. The header `Host`.
            origin: str. The header `Origin`; None where there is none.
            token: str. What the request says.

        Returns:
            str, empty if it may be answered.
        """
        name = _name(host)
        if not self.is_open and not is_loopback(name):
            return "Only this machine may look on."
        if self.is_open and name != self._host and not _is_address(name):
            return "Open the page by the address that was shown where it was started."
        if origin not in (None, f"http://{host}"):
            return "Another site may not look on."
        if self.is_open and not secrets.compare_digest(
            token.encode("utf-8", "replace"), self.token.encode()
        ):
            return "The address must have its token, as it was shown at the start."
        return ""


def is_loopback(name: str) -> bool:
    """Whether a name or an address is that of the machine it is said on.

    Args:
        name: str.

    Returns:
        bool.

    Example:

    >>> is_loopback("127.0.0.1"), is_loopback("192.168.0.7")
    (True, False)
    """
    if name == "localhost":
        return True
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


def _is_address(name):
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host):
    """A `Host` header less its port; nothing where it makes no sense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _own_address():
    """The address by which others in the network reach this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a route is looked up, and nothing sent
            return probe.getsockname()[0]
        except OSError:  # there is no network
            return "127.0.0.1"
