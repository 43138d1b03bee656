"""From where a request comes: the address of who asks, seen through the proxies that we trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from msgspec import Struct

from koipond.kernel.logs import REQUEST_ID

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_AGENT_MAX = 200
# Of one header; a longer chain was made up.
_HOPS_MAX = 20
_FORWARDED = b"x-forwarded-for"
_AGENT = b"user-agent"
# Whoever has one address of such a network has all of them.
_HOUSEHOLD_V6 = 64


class Caller(Struct, frozen=True, kw_only=True):
    """From where somebody asks. address: "" if nobody knows; agent: what their program says.

    request_id: the one that the answer and the logs have.
    """

    address: str = ""
    agent: str = ""
    request_id: str = ""

    @property
    def household(self) -> str:
        """What limits count as one: an IPv4 address, or the /64 network of an IPv6 one."""
        return _household(self.address)


NOBODY = Caller()


@lru_cache(8)
def read_proxies(told: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks of proxies that are believed. Raises ValueError."""
    return tuple(ip_network(one) for one in told)


def read_caller(scope: Any, trusted: tuple[str, ...]) -> Caller:
    """Return from where a connection comes.

    X-Forwarded-For is believed only of a proxy that is trusted: read from the right, the first
    address that is none of theirs is the caller's. What stands left of it anybody can write.
    """
    peer = (scope.get("client") or ("",))[0] or ""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    agent = next((one for name, one in headers if name == _AGENT), b"")
    address = _plain(peer)
    if trusted and is_in(address, read_proxies(trusted)):
        told = b",".join(one for name, one in headers if name == _FORWARDED)
        address = _behind(address, told.decode("latin-1").split(","), read_proxies(trusted))
    return Caller(
        address=address,
        agent=_printable(agent.decode("latin-1"))[:_AGENT_MAX],
        request_id=REQUEST_ID.get(),
    )


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Tell whether an address is in one of some networks; what is no address is in none."""
    found = _parse(address)
    return found is not None and any(found in one for one in networks)


def _behind(peer: str, hops: Sequence[str], trusted: Sequence[Network]) -> str:
    address = peer
    for hop in list(reversed(hops))[:_HOPS_MAX]:
        found = _parse(_without_port(hop.strip()))
        # A trusted proxy does not write such; what is further left came from before it.
        if found is None:
            return address
        address = str(found)
        if not is_in(address, trusted):
            return address
    return address


def _without_port(told: str) -> str:
    """Return the address of `203.0.113.7:4711` or `[2001:db8::7]:4711`, as some proxies write."""
    if told.startswith("["):
        return told[1:].partition("]")[0]
    host, colon, port = told.rpartition(":")
    return host if colon and ":" not in host and port.isdecimal() else told


@lru_cache(4_096)
def _parse(told: str) -> Address | None:
    try:
        found = ip_address(told.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


@lru_cache(4_096)
def _plain(told: str) -> str:
    found = _parse(told)
    return told if found is None else str(found)


@lru_cache(4_096)
def _household(address: str) -> str:
    found = _parse(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((int(found), _HOUSEHOLD_V6), strict=False))
    return address


def _printable(told: str) -> str:
    # Nearly always it is, and a browser tells a hundred characters with each request.
    if told.isprintable():
        return told
    return "".join(one for one in told if one.isprintable())
