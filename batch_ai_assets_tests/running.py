"""A whole platform for tests: a home, a registry, a stub model, and runs on a Dagster instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click.testing
import dagster as dg

from batch_ai_assets.asset_checks import CHECKS, INPUT_CHECKS, Words
from batch_ai_assets.cli import main
from batch_ai_assets.connections import Connections
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.spec.registry import Registry, load_registry
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets.published_reports import PublishedReport, latest_report
from batch_ai_assets.settings import settings


@dataclass(frozen=True)
class Platform:
    """What a run needs, and what is asked of it afterwards."""

    home: Path
    folder: Path
    """The registry's files; what is changed there counts from the next run."""
    model: LocalProvider
    instance: dg.DagsterInstance

    @property
    def registry(self) -> Registry:
        return load_registry(self.folder)

    def run(
        self, job: str, batch: str, *, engine: Connections | None = None, **tags: str
    ) -> dg.ExecuteInProcessResult:
        """Run a Dagster job, as a click in the UI does; `engine` replaces the connections."""
        found = self.registry.jobs[job.removesuffix("__dead_letters")]
        if not found.spec.batches.timed:
            self.instance.add_dynamic_partitions(found.partitions, [batch])
        overrides = {"engine": engine} if engine else None
        made = build_defs(self.registry, overrides).resolve_job_def(job)
        return made.execute_in_process(
            instance=self.instance,
            partition_key=batch,
            tags=tags,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )

    def state(self, run: dg.ExecuteInProcessResult) -> str:
        """The tag that every run gets."""
        found = self.instance.get_run_by_id(run.run_id)
        assert found is not None
        return found.tags["batch_ai/state"]

    def status(self, run: dg.ExecuteInProcessResult) -> dg.DagsterRunStatus:
        found = self.instance.get_run_by_id(run.run_id)
        assert found is not None
        return found.status

    def newest(self, job: str, asset: str, batch: str) -> dg.AssetMaterialization | None:
        """The newest materialization of one batch of an asset, inside a run or outside."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey([job, asset]), asset_partitions=[batch]),
            limit=1,
        ).records
        return records[0].asset_materialization if records else None

    def report(self, job: str, batch: str) -> PublishedReport:
        report = latest_report(settings().data_url, job, batch)
        assert report is not None
        return report

    def answers(self) -> dict[str, int]:
        """Answers that the model delivered, by item."""
        return {name: item["answers"] for name, item in self.model.stats()["items"].items()}


def evaluations(
    run: dg.ExecuteInProcessResult, checks: Sequence[Words] = CHECKS
) -> dict[str, dg.AssetCheckEvaluation]:
    """Evaluations of the batch's checks, by name."""
    names = {words.name for words in checks}
    found = {one.check_name: one for one in run.get_asset_check_evaluations()}
    return {name: found[name] for name in names & set(found)}


def input_evaluations(run: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Evaluations of the checks of its documents, by name."""
    return evaluations(run, INPUT_CHECKS)


def failure(run: dg.ExecuteInProcessResult) -> str:
    """What the first failed step says."""
    data = next(e for e in run.all_events if e.is_step_failure).step_failure_data
    return str(data.user_failure_data.description if data.user_failure_data else data.error)


def letters(count: int, start: int = 0) -> dict[str, str]:
    """Documents that the stub answers."""
    return {f"m{n:03}": f"[[id:m{n:03}]] Where is card {n}?" for n in range(start, start + count)}


def refused(count: int) -> dict[str, str]:
    """Documents that the stub never answers."""
    return {f"r{n:03}": f"[[id:r{n:03}]] [[stub:refusal]] Tell {n}." for n in range(count)}


def batch_ai(*arguments: str) -> click.testing.Result:
    """The command line in this process. A trace-back to the user is a failure of the test."""
    result = click.testing.CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
