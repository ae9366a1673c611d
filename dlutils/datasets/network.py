"""Is there a network? Asked before a download, whose own retries take long to find out."""

import socket
import threading
import urllib.parse
import urllib.request

USUAL = "https://storage.googleapis.com/"
LIMIT = 3.0  # seconds


def network_reachable(url=USUAL):
    """Whether a connection to the server of this address, or to the proxy before it, opens in 3 s.

    url: an http or https address, by default of the server that most sets come from. Never raises.

    >>> datasets.network_reachable("http://127.0.0.1:9/")  # nobody listens there
    False
    """
    opened = threading.Event()
    host, port = _first_hop(url)

    def knock():
        try:
            socket.create_connection((host, port), timeout=LIMIT).close()
            opened.set()
        except (OSError, ValueError):  # ValueError: a host name that cannot be encoded
            pass

    # In a thread, because looking up a name has no time limit of its own.
    knocking = threading.Thread(target=knock, daemon=True)
    knocking.start()
    knocking.join(LIMIT)
    return opened.is_set()


def proxies():
    """The proxy for each scheme, as the environment or the system sets it; "all" stands for both.

    >>> isinstance(proxies(), dict)
    True
    """
    found = urllib.request.getproxies()
    if every := found.pop("all", None):
        found = {"http": every, "https": every} | found
    return found


def _first_hop(url):
    """Host and port to connect to: the proxy's where one is set for the server, else its own."""
    parts = urllib.parse.urlsplit(url)
    proxy = proxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)
    hop = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    default = {"https": 443, "socks5": 1080}.get(hop.scheme, 80)
    return hop.hostname or parts.hostname, hop.port or default
