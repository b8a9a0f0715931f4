"""The bench's branch of the error tree.

StrikeplateError
├─ BenchError               a bench can't do what it was asked
│   ├─ UnknownDevice        no device of that bench name, display name or device id
│   ├─ ClockBusy            an advance runs already
│   ├─ TimeRunsForward      an instant that has passed
│   ├─ StateUnusable        a state folder that can't be read or written
│   ├─ StateInUse           another bench runs on the same state folder
│   └─ GatewayUnusable      the gateway of the bench can't be switched on
├─ Violation                a bench did what none may, or left undone what it must
│   ├─ SafetyViolated       at any moment, whatever is broken
│   └─ LivenessViolated     after everything is whole again, and had its time
└─ CampaignError            an exploration that can't be begun, gone on with or repeated
    └─ TokenUnusable        a replay token that is damaged, or of another version
"""

from __future__ import annotations

from protocols.errors import StrikeplateError


class BenchError(StrikeplateError):
    """A bench can't do what it was asked.

    Attributes:
        http_status: Status of the reply on a bench route.
        error_type: `error.type` of that reply.
    """

    http_status = 400
    error_type = "invalid_input"


class UnknownDevice(BenchError, KeyError):  # noqa: N818 - leaves of the tree say what happened.
    """No device of that bench name, display name or device id."""

    http_status = 404
    error_type = "device_not_found"

    def __init__(self, name: str) -> None:
        # The name is the caller's own text: bounded before it goes into a sentence.
        super().__init__(f"this bench has no device {name[:64]!r}")

    def __str__(self) -> str:
        # KeyError would show the sentence in quotes.
        return str(self.args[0])


class ClockBusy(BenchError):  # noqa: N818 - see UnknownDevice.
    """An advance runs already; only one may move the clock."""

    http_status = 409
    error_type = "clock_busy"


class TimeRunsForward(BenchError):  # noqa: N818 - see UnknownDevice.
    """An instant that has passed: bench time never goes back."""


class StateUnusable(BenchError):  # noqa: N818 - see UnknownDevice.
    """A state folder that can't be read or written; the sentence says what to do."""

    http_status = 503
    error_type = "state_unusable"


class StateInUse(BenchError):  # noqa: N818 - see UnknownDevice.
    """Another bench runs on the same state folder."""


class GatewayUnusable(BenchError):  # noqa: N818 - see UnknownDevice.
    """The gateway of the bench can't be switched on."""

    http_status = 503
    error_type = "gateway_unusable"


class Violation(StrikeplateError, AssertionError):  # noqa: N818 - see UnknownDevice.
    """A bench did what none may, or left undone what it must.

    Attributes:
        rule: Which rule, in a word or two.
        device: On which device; "" for none.
        sentence: What was seen. No PIN is in it.
    """

    def __init__(self, rule: str, device: str, sentence: str) -> None:
        super().__init__(rule, device, sentence)
        self.rule = rule
        self.device = device
        self.sentence = sentence

    def __str__(self) -> str:
        where = f" at {self.device}" if self.device else ""
        return f"{self.rule}{where}: {self.sentence}"


class SafetyViolated(Violation):
    """Something happened that may never happen, whatever is broken."""


class LivenessViolated(Violation):
    """Everything is whole again and had its time, and something is still undone."""


class CampaignError(StrikeplateError):
    """An exploration that can't be begun, gone on with or repeated."""


class TokenUnusable(CampaignError):  # noqa: N818 - see UnknownDevice.
    """A replay token that is damaged, or that another version has made."""
