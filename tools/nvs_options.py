"""Options that shape an NVS area: a profile's, or what the command line says instead."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Final

from firmware_sim.flash.errors import FlashMisused
from firmware_sim.flash.nor import FlashGeometry
from firmware_sim.memory.flash_map import FlashMap
from gateway.profiles import PROFILE_SUFFIX, load_profiles, read_profile
from protocols.profiles.profile import Profile
from tools.arguments import whole
from tools.errors import UsageError

# Bounds of Zephyr's NVS: offsets have 16 bits, and it copies through 32 bytes.
_SECTOR_BYTES_MAX: Final = 1 << 16
# A sector of four entries and some data.
_SECTOR_BYTES_MIN: Final = 64
_WRITE_BLOCK_MAX: Final = 32
_SECTORS_MAX: Final = 1 << 12
# Of a whole lock: its longest change, a clear that takes a user and all schedules along, has to
# fit into a sector, and what it keeps beside its records; and its ring erases one sector while it
# writes to another.
_LOCK_SECTOR_BYTES_MIN: Final = 512
_LOCK_SECTOR_BLOCKS_MIN: Final = 32
_AUDIT_SECTORS_MIN: Final = 2


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
        help="sectors of the NVS area (default: as many as the profile's has)",
    )


def profile_of(name: str) -> Profile:
    """The profile of a name, or of a file of one's own.

    Raises:
        UsageError: When there is none.
        ConfigError: When the file can't be read, or is no profile.
    """
    if name.endswith(PROFILE_SUFFIX):
        return read_profile(Path(name))
    profiles = load_profiles()
    if name not in profiles:
        raise UsageError(
            f"there is no profile {name[:40]!r}; there are {', '.join(sorted(profiles))};"
            f" the name of a file ends in {PROFILE_SUFFIX}"
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


def profile_with_area(profile: Profile, arguments: argparse.Namespace) -> Profile:
    """A profile whose flash is as far as the command line says another one.

    With another number of sectors its audit ring gets no more of them, and its log as many records
    as that keeps.

    Raises:
        UsageError: When a lock can't have such a flash.
    """
    flash = profile.flash
    sector_bytes = arguments.sector_bytes or flash.sector_bytes
    audit_sectors = max(_AUDIT_SECTORS_MIN, flash.audit_bytes // sector_bytes)
    if arguments.sectors:
        audit_sectors = min(audit_sectors, max(_AUDIT_SECTORS_MIN, arguments.sectors))
    flash = dataclasses.replace(
        flash,
        nvs_bytes=(arguments.sectors or flash.nvs_bytes // sector_bytes) * sector_bytes,
        audit_bytes=audit_sectors * sector_bytes,
        meta_bytes=-(-flash.meta_bytes // sector_bytes) * sector_bytes,
        sector_bytes=sector_bytes,
        write_block=arguments.write_block or flash.write_block,
    )
    smallest = max(_LOCK_SECTOR_BYTES_MIN, _LOCK_SECTOR_BLOCKS_MIN * flash.write_block)
    if sector_bytes < smallest:
        raise UsageError(
            f"sectors of a whole lock with such write blocks have {smallest} bytes or more, so "
            "that its longest change fits into one"
        )
    try:
        _ = FlashMap(**dataclasses.asdict(flash)).geometry
    except FlashMisused as error:
        raise UsageError(f"there is no such flash: {error.reason}") from None
    capacity = min(profile.log_capacity, flash.log_records_kept)
    return dataclasses.replace(profile, flash=flash, log_capacity=capacity)
