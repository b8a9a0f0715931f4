"""Bounds of the strike protocol, version 1; both sides know them without asking.

They agree with each other: a message of the largest size fits the fragment sequence at the
smallest MTU, and the fullest page of a list fits a sealed message (a test keeps both true).
"""

from __future__ import annotations

from typing import Final

# Octets: the smallest ATT_MTU (Bluetooth Core, Vol 3 Part G 5.2.1).
ATT_MTU_MIN: Final = 23
# Octets: the largest ATT_MTU that stacks negotiate in practice (517 = 512 + 5).
ATT_MTU_MAX: Final = 517
# Octets of opcode and handle before the value of a write or a notification (Vol 3 Part F 3.4).
ATT_HEADER_SIZE: Final = 3
# Octets: the longest attribute value (Vol 3 Part F 3.2.9), so an MTU above 515 gains nothing.
ATT_VALUE_SIZE_MAX: Final = 512

# Numbers of the fragment sequence: 6 bits.
SEQUENCE_COUNT: Final = 64
# Fragments of one message, and of all unanswered requests together: one less than the sequence
# has numbers, so that no two fragments of them share one.
FRAGMENT_COUNT_MAX: Final = SEQUENCE_COUNT - 1
# Bytes of the longest message, common header and parts included. At the smallest MTU a fragment
# carries 19 bytes of it: 54 fragments of the 63.
MESSAGE_SIZE_MAX: Final = 1024

# Bytes of the common header.
HEADER_SIZE: Final = 4
# Bytes of all parts of a sealed frame: session id 1, counter 2, tag 8.
PARTS_SIZE_MAX: Final = 11
# Bytes of the longest message body.
BODY_SIZE_MAX: Final = MESSAGE_SIZE_MAX - HEADER_SIZE - PARTS_SIZE_MAX

# Records in the fullest page of `OccupiedList` (16 bytes each) and of `LogPage` (20 bytes each).
# They leave at least 40 bytes of the longest body to extensions.
OCCUPIED_PAGE_MAX: Final = 60
LOG_PAGE_MAX: Final = 48

# Transactions: 1 to 255 for requests and their replies; events carry 0.
EVENT_TRANSACTION: Final = 0
TRANSACTION_MAX: Final = 255
# Requests that may wait for a reply at the same time: enough to hide a round trip, few enough
# that a lock's memory holds them.
OPEN_REQUESTS_MAX: Final = 4
