"""The one tree of errors. Every message says what happened, to what, and what to do about it.

    BatchAIError
    ├── SpecError            a job or provider file is wrong
    ├── IntakeError          the source cannot be listed or read
    │   └── UnknownBatchError  nobody made a batch of this name, and nothing is there for one
    ├── StorageError         a published table cannot be written or read
    ├── SealError            a key is missing, or a sealed payload does not open
    ├── StateError           the state store is away, locked, full or of another schema
    │   ├── LeaseHeldError   another run holds the batch
    │   └── OrderError       a stage was asked for before the one it builds on
    ├── DecisionError        what a person decided about an item cannot be carried out
    │   └── AllDecidedError  nothing is left that nobody has decided on
    ├── ProviderError        the model provider cannot be used at all
    └── BatchStopped         a batch stopped before its end; items stay pending
        ├── BatchHalted          budget, checks, systematic failure, provider: a person must act
        ├── BatchPaused          a person, hours, provider away: goes on when that has passed
        │   └── ProviderAway     this run found out that the provider is away
        ├── BatchCancelled       a person gave it up: pending items are cancelled
        └── BatchInterrupted     a signal; the next run resumes

What happens to a single item is a value (`FailureClass` and a reason), never an exception:
see `engine/inference/outcome.py`.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from .figures import CommonMessage


class BatchAIError(Exception):
    """Base of all errors this package raises on purpose. `str(e)` is fit to show to a user."""

    reason: str = "defect"
    """One word for a batch that stopped because of it: shown with its state, counted."""


class SpecError(BatchAIError):
    """A registry file is wrong: names the file, the path in it, the problem and the remedy."""

    reason = "spec"


class IntakeError(BatchAIError):
    """The input of a batch cannot be listed or read; no call has been made."""

    reason = "input"


class UnknownBatchError(IntakeError):
    """Nobody made a batch of this name, and nothing is waiting that could be one."""


class StorageError(BatchAIError):
    """A published table cannot be written or read."""

    reason = "storage"


class SealError(BatchAIError):
    """A sealing key is missing or a sealed payload fails its integrity check."""

    reason = "sealing"


class StateError(BatchAIError):
    """The state store cannot be used: away, locked for too long, full, or of another schema."""

    reason = "state_store"


class LeaseHeldError(StateError):
    """Another run holds the batch."""

    reason = "held"


class OrderError(StateError):
    """A stage was asked for before the one it builds on; the batch is as it was."""

    reason = "order"


class DecisionError(BatchAIError):
    """What a person decided about an item cannot be carried out; nothing was recorded."""

    reason = "decision"


class AllDecidedError(DecisionError):
    """All that is meant is decided already."""


class ProviderError(BatchAIError):
    """The provider is unreachable, or refuses the key or the model."""

    reason = "provider"


class BatchStopped(BatchAIError):  # noqa: N818 - a state, not a defect
    """The batch stopped before every item had its end; what is done is kept."""


class BatchHalted(BatchStopped):
    """A person must act before the batch goes on.

    `reason` is one of `budget`, `month_cap`, `checks`, `systematic_failure`, `provider`,
    `awaiting_approval`.
    """

    def __init__(self, reason: str, message: str, common: Sequence[CommonMessage] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.common = tuple(common)
        """What was said most often, where the failure is systematic."""


class BatchPaused(BatchStopped):
    """The batch waits, with its place freed; its run has ended well.

    `reason` is one of `person` (until told to go on), `window` (until off-peak hours begin) and
    `provider` (until it answers again).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ProviderAway(BatchPaused):
    """This run found out that its provider is away; whoever else asks it is told."""

    reason = "provider"

    def __init__(self, message: str) -> None:
        super().__init__("provider", message)


class BatchCancelled(BatchStopped):
    """A person gave the batch up; what was answered is kept, what was pending is cancelled."""

    reason = "person"


class BatchInterrupted(BatchStopped):
    """A signal ended the run after a drain; the next run resumes where this one stopped."""

    reason = "signal"

    def __init__(self, signal_number: int, message: str) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        # A person interrupts (SIGINT); with the others the machine goes, and nobody decided.
        told = {signal.SIGTERM.value: "terminated", signal.SIGKILL.value: "died"}
        self.reason = told.get(signal_number, "signal")
