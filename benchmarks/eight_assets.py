"""A code location of Dagster alone: eight assets in a row in which nothing is done.

What a batch without documents is held against. How runs of it are made is `empty_run.py`'s and
`bench_empty_batch.py`'s.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

JOB = "empty"

_BATCHES = dg.DynamicPartitionsDefinition(name=JOB)


def eight_assets(checks: Mapping[int, int]) -> dg.Definitions:
    """`checks`: how many empty checks the asset with this number has."""
    assets: list[dg.AssetsDefinition] = []
    for number in range(8):

        @dg.asset(name=f"a{number}", partitions_def=_BATCHES, deps=assets[-1:], key_prefix=JOB)
        def body() -> None:
            """Nothing."""

        assets.append(body)
    return dg.Definitions(
        assets=assets,
        asset_checks=[_empty_checks(assets[number].key, count) for number, count in checks.items()],
        jobs=[dg.define_asset_job(JOB, selection=dg.AssetSelection.all())],
        executor=dg.in_process_executor,
    )


def _empty_checks(asset: dg.AssetKey, count: int) -> dg.AssetChecksDefinition:
    names = [f"c{number}" for number in range(count)]

    @dg.multi_asset_check(
        name=f"checks_of_{asset.path[-1]}",
        specs=[dg.AssetCheckSpec(name, asset=asset, partitions_def=_BATCHES) for name in names],
    )
    def body() -> Iterator[dg.AssetCheckResult]:
        for name in names:
            yield dg.AssetCheckResult(asset_key=asset, check_name=name, passed=True)

    return body


defs = eight_assets({})
