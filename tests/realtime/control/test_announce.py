"""Announced by zeroconf, and found by it."""

from __future__ import annotations

import builtins
import threading
from typing import Any

import pytest
from zeroconf import ServiceBrowser, ServiceStateChange, Zeroconf

from torchbend.realtime.control import ControlError
from torchbend.realtime.control.announce import QUERY_TYPE, announce


@pytest.mark.slow
def test_a_browser_finds_it() -> None:
    found, seen = threading.Event(), []

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: Any) -> None:
        if state_change is ServiceStateChange.Added and name.startswith("torchbend-test"):
            info = zeroconf.get_service_info(service_type, name)
            seen.append(info.port if info else None)
            found.set()

    with announce(("127.0.0.1", 5679), ("127.0.0.1", 9000), "torchbend-test. 2") as announced:
        query, osc = announced.services
        assert (osc.type, osc.port) == ("_osc._udp.local.", 9000)
        assert query.type == "_oscjson._tcp.local."
        assert query.parsed_addresses() == ["127.0.0.1"]
        zeroconf = Zeroconf(interfaces=["127.0.0.1"])
        try:
            ServiceBrowser(zeroconf, QUERY_TYPE, handlers=[changed])
            assert found.wait(10)
        finally:
            zeroconf.close()
    assert seen[0] == 5679


def test_a_host_that_is_none_is_said() -> None:
    with pytest.raises(ControlError, match="cannot be announced at nowhere"):
        announce(("nowhere", 1), ("nowhere", 2), "x")


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "zeroconf":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ControlError, match=r"pip install 'torchbend\[live\]'"):
        announce(("127.0.0.1", 1), ("127.0.0.1", 2), "x")
