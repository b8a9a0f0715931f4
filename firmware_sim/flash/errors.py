"""What goes wrong with flash memory, and with the formats that are kept in it.

FlashError                flash memory, and the formats that are kept in it
├─ FlashMisused           a program or erase that the part does not allow
├─ CutUnknown             a power cut that a recorded workload does not have
├─ ImageError             a file of flash contents in some format
│   ├─ ImageUnreadable    bytes that are no image of that format
│   └─ ImageUnwritable    contents that the format, or the room, does not hold
└─ NvsError               what Zephyr's NVS answers with a negative number
    ├─ NvsItemTooLong     an item that no sector could hold
    ├─ NvsFull            no room, even after collecting every sector
    ├─ NvsUnmountable     an area that is no NVS, or is broken beyond recovery
    ├─ NvsDataDamaged     the bytes of an item do not fit their checksum
    └─ NvsEraseFailed     a sector that is not blank after its erase: worn out
"""

from __future__ import annotations

from firmware_sim.errors import SimulationError


class FlashError(SimulationError):
    """Flash memory, or a format that is kept in it."""


class FlashMisused(FlashError, ValueError):  # noqa: N818 - as all leaves of the tree.
    """A read, program or erase that the part does not allow.

    Attributes:
        offset: Byte offset in the flash where it was to be done.
        reason: What is wrong with it.
    """

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, reason)
        self.offset = offset
        self.reason = reason

    def __str__(self) -> str:
        return f"flash at {self.offset:#x}: {self.reason}"


class CutUnknown(FlashError, ValueError):  # noqa: N818 - as all leaves of the tree.
    """A power cut that a recorded workload does not have."""


class ImageError(FlashError, ValueError):
    """A file of flash contents in some format.

    Attributes:
        image_format: The format's name.
        reason: What is wrong, as a sentence's rest; never data, which may be a credential.
    """

    def __init__(self, image_format: str, reason: str) -> None:
        super().__init__(image_format, reason)
        self.image_format = image_format
        self.reason = reason


class ImageUnreadable(ImageError):  # noqa: N818 - as all leaves of the tree.
    """Bytes that are no image of that format."""

    def __str__(self) -> str:
        return f"this is no {self.image_format} image: {self.reason}"


class ImageUnwritable(ImageError):  # noqa: N818 - as all leaves of the tree.
    """Contents that the format does not hold, or that have no room in the image."""

    def __str__(self) -> str:
        return f"no {self.image_format} image can hold this: {self.reason}"


class NvsError(FlashError):
    """What Zephyr's NVS answers with a negative number.

    Attributes:
        code: That number.
    """

    code: int = 0


class NvsItemTooLong(NvsError, ValueError):  # noqa: N818 - as all leaves of the tree.
    """An item that no sector could hold (-EINVAL)."""

    code = -22

    def __str__(self) -> str:
        return "no sector of this NVS area could hold an item of that length"


class NvsFull(NvsError):  # noqa: N818 - as all leaves of the tree.
    """There is no room, even after every sector was collected (-ENOSPC)."""

    code = -28

    def __str__(self) -> str:
        return "this NVS area has no room for another item"


class NvsUnmountable(NvsError):  # noqa: N818 - as all leaves of the tree.
    """The area is no NVS, or is broken beyond recovery (-EDEADLK or -ESPIPE).

    Attributes:
        code: -45 when every sector is closed, -29 when an entry overlaps its own data.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        why = (
            "every sector is closed" if self.code == _EDEADLK else "an entry has no room for data"
        )
        return f"this area can't be mounted as NVS: {why}"


# As Zephyr's minimal libc numbers it.
_EDEADLK = -45


class NvsDataDamaged(NvsError):  # noqa: N818 - as all leaves of the tree.
    """The bytes of an item do not fit their checksum (-EIO).

    Attributes:
        item_id: Which item.
    """

    code = -5

    def __init__(self, item_id: int) -> None:
        super().__init__(item_id)
        self.item_id = item_id

    def __str__(self) -> str:
        return f"NVS item {self.item_id:#06x} does not fit its checksum"


class NvsEraseFailed(NvsError):  # noqa: N818 - as all leaves of the tree.
    """A sector is not blank after its erase: it is worn out (-ENXIO).

    Attributes:
        sector: Which sector of the flash.
    """

    code = -6

    def __init__(self, sector: int) -> None:
        super().__init__(sector)
        self.sector = sector

    def __str__(self) -> str:
        return f"flash sector {self.sector} is worn out: it stays partly programmed"
