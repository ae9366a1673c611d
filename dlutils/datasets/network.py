"""Is there a network? Asked before TensorFlow Datasets, which retries for 205 s to find out."""

import socket
import threading
import urllib.parse
import urllib.request

HOST, PORT = "storage.googleapis.com", 443
LIMIT = 3.0  # seconds


def network_reachable():
    """Whether a connection to the download server, or to the proxy on the way, opens in 3 s."""
    opened = threading.Event()
    host, port = _first_hop()

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


def _first_hop():
    """Host and port to connect to: the proxy's where one is set for the server, else its own."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(HOST):
        return HOST, PORT
    parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    default = {"https": 443, "socks5": 1080}.get(parts.scheme, 80)
    return parts.hostname or HOST, parts.port or default
