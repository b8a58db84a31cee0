"""Which machines may be spoken to."""

import ipaddress
import socket
import ssl

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.address import GuardedBackend, Permit, authorities, is_public, trusted_at
from ecg_audio.errors import InvalidRequest, SourceForbidden

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "fec0::1", "2001:0:7f00:1::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(address):
    """No private, loopback, link-local, shared, documentation, multicast or reserved address, in any disguise."""
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(SourceForbidden):
        Permit().check("host.example", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address):
    """A public address needs no permission."""
    assert is_public(ipaddress.ip_address(address))
    Permit().check("host.example", address)  # raises for any other


@given(st.ip_addresses(v=4))
def test_a_disguise_changes_nothing(address):
    """An IPv6 address that carries an IPv4 address is judged as that one."""
    for disguise in ("::ffff:{}", "64:ff9b::{}"):
        assert is_public(ipaddress.ip_address(disguise.format(address))) == is_public(address)


@given(st.ip_addresses(network="10.20.0.0/16"), st.ip_addresses(network="10.21.0.0/16"))
def test_the_allow_list_opens_what_it_names(inside, outside):
    """A network in the allow-list is permitted, its neighbour is not."""
    permit = Permit(["10.20.0.0/16"])
    permit.check("host", str(inside))
    with pytest.raises(SourceForbidden):
        permit.check("host", str(outside))


def test_the_allow_list_takes_names(monkeypatch):
    """A host name in the allow-list is permitted wherever it is, and no other name."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", " media.intranet , 10.0.0.0/8,::1")
    permit = Permit.from_environment()
    permit.check("Media.Intranet", "192.168.0.9")
    permit.check("x", "::1")
    with pytest.raises(SourceForbidden):
        permit.check("other.intranet", "192.168.0.9")


def test_a_broken_allow_list_says_so(monkeypatch):
    """An entry that is neither network nor name is named, not ignored."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "10.0.0.0/99")
    with pytest.raises(InvalidRequest, match=r"10\.0\.0\.0/99"):
        Permit.from_environment()


def test_a_name_is_resolved_once(monkeypatch):
    """The connection goes to the address that was judged: a second, different answer is never asked for."""
    answers = iter(["127.0.0.1", "10.0.0.1"])
    asked = []

    def resolve(host, port, **_options):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, port, *a, **o: resolve(host, port) if host == "rebind.test" else real(host, port, *a, **o),
        )
        stream = GuardedBackend(Permit(["127.0.0.1"])).connect_tcp("rebind.test", port, timeout=5)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        stream.close()
    assert asked == ["rebind.test"]


def test_one_private_address_among_public_ones(monkeypatch):
    """A name with a private address beside a public one is refused before anything is connected."""
    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_o: places)
    with pytest.raises(SourceForbidden):
        GuardedBackend(Permit()).connect_tcp("mixed.test", 80, timeout=0.1)


def test_a_name_that_does_not_resolve():
    """An unknown name is a connection error, and so can be tried again."""
    with pytest.raises(httpcore.ConnectError):
        GuardedBackend(Permit()).connect_tcp("no-such-host.invalid", 80, timeout=1)


def test_authorities_are_those_of_the_environment(monkeypatch):
    """They are read once, and again where the environment names others."""
    ours = authorities()
    assert ours is authorities() and ours.verify_mode == ssl.CERT_REQUIRED and ours.check_hostname
    with monkeypatch.context() as changed:
        changed.delenv("SSL_CERT_FILE")
        changed.delenv("SSL_CERT_DIR", raising=False)
        assert len(authorities().get_ca_certs()) > len(ours.get_ca_certs())
    assert authorities() is ours


def test_nobody_is_trusted_without_being_asked_for():
    """HTTPS trusts the authorities; what is plain HTTP would trust no certificate if it were shown one."""
    assert trusted_at("HTTPS://prefect.example/api") is authorities()
    plain = trusted_at("http://127.0.0.1:4200/api")
    assert plain.get_ca_certs() == [] and plain.verify_mode == ssl.CERT_REQUIRED and plain.check_hostname
