"""SloSpec: what a job promises over a month of batches. Shapes only.

The promises about failed documents and dead letters are the bars of `thresholds`, which are said
once; what was kept is worked out in `engine/control/slo.py`.
"""

from __future__ import annotations

from pydantic import Field

from .base import Model


class SloSpec(Model):
    """Objectives over the batches of the last 30 days; shares from 0 to 1. What may fail before
    retries and what may end dead is in `thresholds` (failure_rate_warn, dead_letter_rate_error)."""

    completion_on_time: float = Field(default=0.99, ge=0, le=1)
    """So large a share of the batches with a deadline is complete by it, at least."""
    within_budget: float = Field(default=1.0, ge=0, le=1)
    """So large a share of the batches costs no more than the budget of the job, at least."""
    validation_pass_rate: float = Field(default=0.995, ge=0, le=1)
    """So large a share of the answers passes schema, taxonomy and rules, at least. Below
    `thresholds.validation_pass_rate_error` a single batch is in error."""
