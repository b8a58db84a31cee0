"""Which machines may be spoken to, decided on the address that is really connected to.

A name is resolved once and the connection goes to the very address that was judged, so a name server that answers
differently the second time gains nothing. Every redirect connects anew and is judged anew.
"""

import functools
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable

import httpcore
import httpx

from ecg_audio.deadline import Left, TimedStream, within
from ecg_audio.errors import InvalidRequest, SourceForbidden, SourceInvalid
from ecg_audio.settings import Sources

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NEVER = [
    # what older versions of ipaddress take for public
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("100::/64"),
    ipaddress.ip_network("2001::/23"),
    ipaddress.ip_network("3fff::/20"),
    ipaddress.ip_network("5f00::/16"),
    ipaddress.ip_network("fec0::/10"),
]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Permit:
    """The rule: public addresses, and what the operator's allow-list adds.

    Args:
        allowed: networks in CIDR notation, addresses, or host names, of machines that may be spoken to though private.

    Raises:
        InvalidRequest: an entry is none of these.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in (entry.strip().lower() for entry in allowed):
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                if not entry or "/" in entry or ":" in entry:
                    variable = Sources.variable("allowed_networks")
                    raise InvalidRequest(f"{variable}: {entry!r} is neither a network nor a host name") from None
                self._hosts.add(entry)

    @classmethod
    def from_environment(cls) -> "Permit":
        """The rule with the operator's allow-list."""
        return cls(Sources.read().allowed_networks)

    def check(self, host: str, address: str) -> None:
        """Judge one connection.

        Args:
            host: the name that was asked for.
            address: the literal address that will be connected to.

        Raises:
            SourceForbidden: the address is not public and nothing allows it.
        """
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            raise SourceForbidden(f"{address} was not resolved, so nobody knows where it is") from None
        if host.lower() in self._hosts or any(found in network for network in self._networks):
            return
        embedded = _embedded(found)
        if any(embedded in network for network in self._networks):
            return
        if not is_public(found):
            raise SourceForbidden(f"{host} is at {address}, which is not a public address")

    def resolve(self, host: str, port: int) -> list[str]:
        """All addresses of a host, each of them permitted.

        Raises:
            SourceForbidden: one of them is not. Nobody honest publishes a private address among public ones.
            OSError, UnicodeError: the name cannot be resolved.
        """
        found = [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        for address in found:
            self.check(host, address)
        return found


def is_public(address: Address) -> bool:
    """Whether an address is a host on the public internet; one that carries an IPv4 address is judged by that."""
    inner = _embedded(address)
    if any(inner in network for network in _NEVER):
        return False
    return inner.is_global and not (inner.is_multicast or inner.is_reserved or inner.is_unspecified)


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for (mapped, NAT64, 6to4), else the address."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class GuardedBackend(httpcore.NetworkBackend):
    """Plain sockets, to permitted addresses only.

    Args:
        permit: which addresses those are.
        left: how long the exchange under way may still take, connecting included; None: as long as it likes.
    """

    def __init__(self, permit: Permit, left: Left | None = None) -> None:
        self._permit = permit
        self._left = left
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve `host` and connect to the first of its permitted addresses that answers.

        Raises:
            SourceForbidden: none of its addresses is permitted.
            SourceInvalid: it is no host name.
        """
        try:
            found = self._permit.resolve(host, port)
        except UnicodeError:
            raise SourceInvalid(f"{host} is no host name") from None
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in found:
            limit_s = within(timeout, self._left, httpcore.ConnectTimeout)
            try:
                stream = self._sockets.connect_tcp(address, port, limit_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return stream if self._left is None else TimedStream(stream, self._left)
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        """Never: a path is no address."""
        del timeout, socket_options
        raise SourceForbidden(f"{path} is not a network address")


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over `GuardedBackend`; proxies of the environment are not used, they would hide the peer.

    Args:
        permit: which addresses may be spoken to.
        left: how long the exchange under way may still take in all; None: each read has its limit, and nothing else.
    """

    def __init__(self, permit: Permit, left: Left | None = None) -> None:
        trusted = authorities()
        super().__init__(verify=trusted, trust_env=False)
        # httpx has no public way to choose the network backend of its pool
        self._pool = httpcore.ConnectionPool(ssl_context=trusted, network_backend=GuardedBackend(permit, left))


def authorities() -> ssl.SSLContext:
    """Whose word on certificates is taken: as httpx reads the environment, and read once, because it takes 50 ms."""
    return _authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _authorities(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=True)


def trusted_at(address: str) -> ssl.SSLContext:
    """Whom to trust at an address: the authorities by HTTPS; nobody by plain HTTP, which asks for no certificate."""
    return authorities() if address.lower().startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
