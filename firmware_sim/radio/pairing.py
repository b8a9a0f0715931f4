"""Pairing whose secrets come from a device's own random stream.

bumble draws them from the operating system: the private key of a device, the random value and
the long-term key of a session, and passkeys. Two runs of one simulation would differ by them.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from bumble import device, pairing, smp
from bumble.crypto.cryptography import EccKey

# Bytes of the random value and the long-term key. Source: Bluetooth Core 5.4, Vol 3 Part H, 2.3.5.
_VALUE_BYTES = 16
# Order of the curve P-256, less one: private keys are 1 to this. Source: FIPS 186-4, D.1.2.3.
_PRIVATE_KEY_MAX = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550


class SeededDelegate(pairing.PairingDelegate):
    """A delegate that accepts, and takes passkeys from a stream."""

    def __init__(self, stream: Callable[[], random.Random]) -> None:
        super().__init__()
        self._stream = stream

    async def generate_passkey(self) -> int:
        """A passkey of six digits."""
        return self._stream().randrange(1_000_000)


class SeededSession(smp.Session):
    """A pairing session that takes its random values from a stream."""

    manager: smp.Manager

    @property
    def r(self) -> bytes:
        """The random value of the present pairing step."""
        return self._r

    @r.setter
    def r(self, value: bytes) -> None:
        # All zero is the initial value; everything else was drawn from the operating system.
        self._r = self._drawn() if any(value) else value

    @property
    def ltk(self) -> bytes:
        """The long-term key."""
        return self._ltk

    @ltk.setter
    def ltk(self, value: bytes) -> None:
        # Secure Connections compute it from what both know; legacy pairing draws it.
        self._ltk = value if self.sc else self._drawn()

    def _drawn(self) -> bytes:
        manager = self.manager
        if not isinstance(manager, SeededManager):
            raise TypeError("a seeded session belongs to a seeded manager")
        return manager.stream().randbytes(_VALUE_BYTES)


class SeededManager(smp.Manager):
    """The pairing of one device.

    Args:
        owner: The device.
        stream: Tells its random stream.
        is_public: True when it goes by its public address.
    """

    def __init__(
        self, owner: device.Device, *, stream: Callable[[], random.Random], is_public: bool
    ) -> None:
        super().__init__(owner, self._configuration)
        self.stream = stream
        self._is_public = is_public
        self.session_proxy = SeededSession

    @property
    def ecc_key(self) -> EccKey:
        """The key pair of this device, made when it is first needed."""
        if self._ecc_key is None:
            private_key = self.stream().randint(1, _PRIVATE_KEY_MAX)
            self._ecc_key = EccKey.from_private_key_bytes(private_key.to_bytes(32, "big"))
        return self._ecc_key

    def _configuration(self, _connection: device.Connection) -> pairing.PairingConfig:
        kinds = pairing.PairingConfig.AddressType
        return pairing.PairingConfig(
            delegate=SeededDelegate(self.stream),
            # Left alone, keys would be stored under a public address that most devices don't have.
            identity_address_type=kinds.PUBLIC if self._is_public else kinds.RANDOM,
        )
