"""Which addresses webhooks may be sent to: one strict reading of a URL, and which IP addresses are public."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from impasto.errors import InvalidInput

PORTS: Final = (443, 8443)
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# One reading and no second: what this does not match is refused, so no other parser can see another host in it.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(?:/[!$%&'()*+,./0-9:;=@A-Z_a-z~-]*)?(?:\?[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*)?)",
    re.IGNORECASE,
)
_NAME: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE
)
# Numbers in any base: what a resolver may read as an IPv4 address although it is not written as one.
_NUMBERISH: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)
_LOCAL_NAMES: Final = ("localhost", "local", "internal", "home.arpa", "localdomain")

# Beside what is not global: shared address space, and addresses that carry another one to somewhere else. Of IPv6
# only what is assigned for use in the world is allowed at all: mapped, translated, NAT64 and local ones are not.
_UNICAST: Final = ipaddress.ip_network("2000::/3")
_REFUSED: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/3",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A URL, taken apart once. `host` is without brackets, in lower case; `target` begins with a slash."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def literal(self) -> IPAddress | None:
        """The address, if the host is written as one."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def read_url(url: str, *, anywhere: bool = False) -> Place:
    """The place that a URL names; `anywhere` allows http, any port and any address, for development.

    Raises:
        InvalidInput: webhooks are not sent there. The message never repeats the URL, which may hold a secret.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise _refused("it is not a plain `https://host/path` without user, fragment and characters that need escaping")
    scheme, host = match["scheme"].lower(), match["host"].lower().strip("[]")
    port = int(match["port"] or (443 if scheme == "https" else 80))
    target = match["target"] if match["target"].startswith("/") else f"/{match['target']}"
    place = Place(scheme, host, port, target)
    if port > 65535:
        raise _refused("there is no such port")
    if place.literal is None and (not _NAME.fullmatch(host) or _NUMBERISH.fullmatch(host)):
        raise _refused("its host is neither a name nor an address in the usual writing")
    if not anywhere:
        _check(place)
    return place


def _check(place: Place) -> None:
    if place.scheme != "https":
        raise _refused("it is not https")
    if place.port not in PORTS:
        raise _refused(f"only the ports {' and '.join(map(str, PORTS))} are allowed")
    if place.literal is not None:
        if not is_public(place.literal):
            raise _refused("its address is not a public one")
    elif "." not in place.host or place.host.endswith(tuple(f".{name}" for name in _LOCAL_NAMES)):
        raise _refused("its name is not a public one")


def is_public(address: IPAddress) -> bool:
    """Whether the address is one of the public internet, and none that leads to another address."""
    if address.version == 6 and address not in _UNICAST:
        return False
    if any(address.version == network.version and address in network for network in _REFUSED):
        return False
    return address.is_global and not address.is_multicast


def _refused(why: str) -> InvalidInput:
    return InvalidInput("webhook_url_not_allowed", f"webhooks are not sent to that address: {why}", field="url")
