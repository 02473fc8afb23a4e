"""Whether a batch may begin, or go on, to ask: looked up once, before the first call of a run.

What is asked of a run at work, every second, is `inference/steered.py`'s.
"""

from __future__ import annotations

from .affordability import prove_affordable
from .control.steering import must_stop
from .deps import Deps
from .inference.steered import told
from .spec.resolved import ResolvedJob
from .state.rows import Plan


def prove_may_ask(job: ResolvedJob, plan: Plan, deps: Deps) -> None:
    """Raises BatchPaused, BatchCancelled or BatchHalted where no call may be made."""
    if why := must_stop(job.name, plan.batch, told(job, plan, deps)):
        raise why
    prove_affordable(job, plan, deps)
