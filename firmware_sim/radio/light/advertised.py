"""What a lock of the light link advertises, made when somebody hears it."""

from __future__ import annotations

import functools

from firmware_sim.radio.advertisement import lock_advertisement
from protocols.strike.gatt import COMPANY_ID, SERVICE_UUID


@functools.lru_cache(maxsize=256)  # Most locks of a fleet say the same most of the time.
def advertised_data(manufacturer_data: bytes) -> bytes:
    """The advertising data.

    Args:
        manufacturer_data: What follows the company identifier, at most 6 bytes.

    Raises:
        ValueTooLong: When they do not fit.
    """
    return lock_advertisement(SERVICE_UUID, COMPANY_ID, manufacturer_data)
