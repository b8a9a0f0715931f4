"""Options that shape an NVS area: a profile's, or what the command line says instead."""

from __future__ import annotations

import argparse
from typing import Final

from firmware_sim.flash.errors import FlashMisused
from firmware_sim.flash.nor import FlashGeometry
from gateway.profiles import load_profiles
from protocols.profiles.profile import Profile
from tools.arguments import whole
from tools.errors import UsageError

# Bounds of Zephyr's NVS: offsets have 16 bits, and it copies through 32 bytes.
_SECTOR_BYTES_MAX: Final = 1 << 16
# A sector of four entries and some data.
_SECTOR_BYTES_MIN: Final = 64
_WRITE_BLOCK_MAX: Final = 32
_SECTORS_MAX: Final = 1 << 12


def add_nvs_shape_options(parser: argparse.ArgumentParser, otherwise: str = "found out") -> None:
    """Add the options of a sector's shape; `otherwise` is told as their default."""
    parser.add_argument(
        "--sector-bytes",
        type=lambda text: whole(text, "--sector-bytes", _SECTOR_BYTES_MIN, _SECTOR_BYTES_MAX),
        metavar="N",
        help=f"bytes of an NVS sector (default: {otherwise})",
    )
    parser.add_argument(
        "--write-block",
        type=lambda text: whole(text, "--write-block", 1, _WRITE_BLOCK_MAX),
        metavar="N",
        help=f"bytes of the smallest program (default: {otherwise})",
    )


def add_area_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of an area that a profile describes otherwise."""
    add_nvs_shape_options(parser, "the profile's")
    parser.add_argument(
        "--sectors",
        type=lambda text: whole(text, "--sectors", 2, _SECTORS_MAX),
        metavar="N",
        help="sectors of the area (default: as many as the profile's area has)",
    )


def profile_of(name: str) -> Profile:
    """The profile of a name.

    Raises:
        UsageError: When there is none.
    """
    profiles = load_profiles()
    if name not in profiles:
        raise UsageError(
            f"there is no profile {name[:40]!r}; there are {', '.join(sorted(profiles))}"
        )
    return profiles[name]


def area_geometry(profile: Profile, arguments: argparse.Namespace) -> FlashGeometry:
    """The NVS area of a profile, as far as the command line does not say otherwise.

    Raises:
        UsageError: When there is no such area.
    """
    flash = profile.flash
    sector_bytes = arguments.sector_bytes or flash.sector_bytes
    try:
        return FlashGeometry(
            sector_size=sector_bytes,
            sector_count=arguments.sectors or flash.nvs_bytes // sector_bytes,
            write_block=arguments.write_block or flash.write_block,
        )
    except FlashMisused as error:
        raise UsageError(f"there is no such flash: {error.reason}") from None
