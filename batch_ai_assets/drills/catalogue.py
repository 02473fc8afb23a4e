"""All drills, by the name that they have on the command line."""

from __future__ import annotations

from collections.abc import Mapping

from .budget import BUDGET
from .double_trigger import DOUBLE_TRIGGER
from .drill import Drill
from .loss import HOST_LOSS, WORKER_LOSS
from .outage import OUTAGE
from .sla import SLA
from .store_loss import STORE_LOSS
from .systematic_failure import SYSTEMATIC_FAILURE
from .throttling import THROTTLING
from .window import WINDOW

DRILLS: Mapping[str, Drill] = {
    drill.name: drill
    for drill in (
        BUDGET, SLA, OUTAGE, SYSTEMATIC_FAILURE, THROTTLING, WORKER_LOSS, HOST_LOSS,
        DOUBLE_TRIGGER, WINDOW, STORE_LOSS,
    )
}  # fmt: skip
