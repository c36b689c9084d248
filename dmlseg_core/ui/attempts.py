"""How often one address tries something: logins, calls of the API."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from ipaddress import ip_address, ip_network
from typing import Any

from starlette.types import Scope


class Attempts:
    """Attempts by address in the last minute, of the newest addresses.

    Args:
        most: of one address.
    """

    def __init__(self, most: int, *, seconds: float = 60.0, addresses: int = 4096) -> None:
        self.most, self.seconds, self.addresses = most, seconds, addresses
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def allow(self, who: str) -> bool:
        """Whether one more is allowed, which counts at once: many may come at the same time."""
        times = self._times.setdefault(who, deque())
        self._times.move_to_end(who)
        while len(self._times) > self.addresses:
            self._times.popitem(last=False)
        if self.spent(who):
            return False
        times.append(time.monotonic())
        return True

    def spent(self, who: str) -> bool:
        """Whether no more is allowed."""
        times, oldest = self._times.get(who, deque()), time.monotonic() - self.seconds
        while times and times[0] < oldest:
            times.popleft()
        return len(times) >= self.most

    def forget(self, who: str) -> None:
        """One was right."""
        self._times.pop(who, None)


def address_of(scope: Scope) -> str:
    """Who asks; a network of IPv6 is one, since a single customer has 2^64 addresses."""
    client: Any = (scope.get("client") or ("unknown",))[0]
    try:
        address = ip_address(client)
    except ValueError:
        return str(client)
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
