"""Announcing by zeroconf that there is something to control here."""

from __future__ import annotations

import ipaddress
import logging
import socket
from typing import TYPE_CHECKING

from torchbend.realtime.control.errors import ControlError

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

__all__ = ["Announcement", "announce"]

logger = logging.getLogger(__name__)

QUERY_TYPE = "_oscjson._tcp.local."
OSC_TYPE = "_osc._udp.local."


class Announcement:
    """What is announced, until it is closed; made by :func:`announce`."""

    def __init__(self, zeroconf: Zeroconf, services: list[ServiceInfo]) -> None:
        self._zeroconf = zeroconf
        self.services = services

    def close(self) -> None:
        """Take it back."""
        for service in self.services:
            self._zeroconf.unregister_service(service)
        self._zeroconf.close()

    def __enter__(self) -> Announcement:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def announce(query: tuple[str, int], osc: tuple[str, int], name: str) -> Announcement:
    """Announce an OSCQuery server and the OSC server beside it.

    Args:
        query: host and port of the one; a numeric host. 0.0.0.0 announces all interfaces.
        osc: of the other.
        name: of the application; another of the same name in the network gets a number.

    Raises:
        ControlError: zeroconf is not installed, or the network does not let us.
    """
    try:
        from zeroconf import Error, Zeroconf
    except ImportError as error:
        raise ControlError(
            "announcing needs the package zeroconf: pip install 'torchbend[live]'"
        ) from error
    host = query[0]
    try:
        open_to_all = ipaddress.ip_address(host).is_unspecified
        zeroconf = Zeroconf() if open_to_all else Zeroconf(interfaces=[host])
        try:
            services = [_service(name, *query, QUERY_TYPE), _service(name, *osc, OSC_TYPE)]
            for service in services:
                zeroconf.register_service(service, allow_name_change=True)
        except (OSError, Error):
            zeroconf.close()
            raise
    except (OSError, Error, ValueError) as error:
        raise ControlError(f"{name} cannot be announced at {host}: {error}") from error
    return Announcement(zeroconf, services)


def _service(name: str, host: str, port: int, kind: str) -> ServiceInfo:
    from zeroconf import ServiceInfo

    label = name.replace(".", " ")[:40]
    address = ipaddress.ip_address(host)
    return ServiceInfo(
        kind,
        f"{label}.{kind}",
        addresses=None if address.is_unspecified else [address.packed],
        parsed_addresses=_own_addresses() if address.is_unspecified else None,
        port=port,
        properties={"txtvers": "1"},
        server=f"{socket.gethostname().split('.')[0]}.local.",
    )


def _own_addresses() -> list[str]:
    """The address by which this computer is reached from outside; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return [str(probe.getsockname()[0])]
        except OSError:
            return ["127.0.0.1"]
