"""Free ports that stay ours while a server restarts."""

import random
import socket

# Below Linux's ephemeral range (32768-60999): no outgoing connection of this machine takes the port between our look
# and the server's bind, nor while a server that must come back on the same port is down.
_CANDIDATES = range(20_000, 32_000)


def free_port() -> int:
    """Give a TCP port of 127.0.0.1 that nothing listens on."""
    for port in random.SystemRandom().sample(_CANDIDATES, k=100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port found between 20000 and 31999 in 100 tries")
