"""Files from the hub of models; without network, an error soon instead of after many tries."""

from __future__ import annotations

import contextlib
import importlib
import re
import socket
import threading
import urllib.request
from typing import Any
from urllib.parse import urlsplit

__all__ = ["HUB_NAME", "NO_NETWORK", "online"]

HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
NO_NETWORK = "there is no network, and it was not fetched before"

_SECONDS = 3.0


def online() -> bool:
    """Whether the hub can be reached, as far as can be told within a few seconds.

    The hub's own functions try again and again for about half a minute, also where no name is
    resolved at all.
    """
    constants: Any = importlib.import_module("huggingface_hub.constants")
    if constants.HF_HUB_OFFLINE:
        return False
    if urllib.request.getproxies():
        return True  # the way there is the proxy's business
    place = urlsplit(constants.ENDPOINT)
    address = (place.hostname or "", place.port or (443 if place.scheme == "https" else 80))
    reached = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError), socket.create_connection(address, _SECONDS):
            reached.set()

    # In a thread, because to resolve a name has no time limit of its own.
    tried = threading.Thread(target=connect, daemon=True, name="hub")
    tried.start()
    tried.join(_SECONDS)
    return reached.is_set()
