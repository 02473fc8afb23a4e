"""What `raw_inputs` depends on: another job's results, or any other Dagster asset and its value.

How the value becomes documents is in `engine/intake/table_rows.py`.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.storage.asset_value_loader import AssetValueLoader

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.spec.resolved import ResolvedJob


def upstream_key(job: ResolvedJob) -> dg.AssetKey | None:
    """The asset that the job reads; None where its documents come from elsewhere.

    A dependency without a value: one that is not there (yet) must not take all jobs down.
    """
    if job.upstream is not None:
        return dg.AssetKey([job.upstream, "results"])
    source = job.spec.input.asset
    return None if source is None else dg.AssetKey(source.split("/"))


def upstream_value(context: dg.AssetExecutionContext, job: ResolvedJob) -> object:
    """The value of the asset that the job reads, of this batch where it has batches.

    None for a job of ours: its released rows are read, not what Dagster holds. Raises IntakeError.
    """
    key = upstream_key(job)
    if key is None or job.upstream is not None:
        return None
    node = context.job_def.asset_layer.get(key)
    batch = None if node.partitions_def is None else context.partition_key
    try:
        # What `context.load_asset_value` does, which leaves its connections open.
        with AssetValueLoader({key: node.assets_def}, instance=context.instance) as loader:
            return loader.load_asset_value(key, partition_key=batch)
    except Exception as error:
        of_batch = "" if batch is None else f" of {batch}"
        raise IntakeError(
            f"The value{of_batch} of asset {job.spec.input.asset}, which {job.name} reads, cannot"
            f" be loaded ({type(error).__name__}). Materialize that asset first. It must be in the"
            " same code location as this job (dagster.Definitions.merge), and so run from there."
        ) from error
