"""dbt tests of one batch: the promises in SQL, run by dbt over the batch's Parquet.

The tests are files in `dbt_validation/tests/`; whoever adds a file adds a test. Here are only the
variables that they get, the run of dbt in this process, and what it found. Knows nothing of
Dagster.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_ai_assets.engine.errors import BatchAIError, OrderError
from batch_ai_assets.engine.figures import counted
from batch_ai_assets.engine.tables import BatchTable, at

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.spec.resolved import ResolvedJob

PROJECT = Path(__file__).resolve().parent.parent / "dbt_validation"
"""Beside the package, as the design card has it: analytics engineers work there."""
_SHOWN = 5
_MAY_BE_EMPTY = frozenset({"confidence"})


class DbtError(BatchAIError):
    """dbt could not run the tests at all."""

    reason = "dbt"


@dataclass(frozen=True, slots=True)
class DbtFinding:
    """What one test found. Ids of documents are fine to show; their text is in no table here."""

    name: str
    meaning: str
    """The first words of its file."""
    failing: int
    """Rows that it returned."""
    sample: tuple[str, ...]
    """Ids of the first ones."""
    trouble: str = ""
    """Why it could not be run; it counts as failed then."""

    @property
    def passed(self) -> bool:
        return not self.failing and not self.trouble

    @property
    def found(self) -> str:
        """For people."""
        if self.trouble:
            return self.trouble
        if self.passed:
            return "No row fails."
        shown = f", the first: {', '.join(self.sample)}" if self.sample else ""
        return f"{counted(self.failing, 'row')} {'fails' if self.failing == 1 else 'fail'}{shown}."


@dataclass(frozen=True, slots=True)
class DbtRun:
    """All tests of one batch."""

    findings: tuple[DbtFinding, ...]
    seconds: float


def known_tests(project: Path = PROJECT) -> dict[str, str]:
    """Name of every test → what it means: the comment at the head of its file."""
    return {file.stem: _meaning(file) for file in sorted((project / "tests").glob("*.sql"))}


def _meaning(file: Path) -> str:
    head = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("--"):
            break
        head.append(line.removeprefix("--").strip())
    return " ".join(head) or file.stem.replace("_", " ")


def run_dbt(
    job: ResolvedJob, batch: str, deps: Deps, project: Path = PROJECT
) -> DbtRun:
    """Run every test over the newest version of the batch; none over a batch without documents.

    Always `dbt build`: a test over views of another batch would pass wrongly. Raises OrderError
    where the batch is not judged yet, DbtError where dbt cannot run.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="batch-ai-dbt-") as folder:
        place = Path(folder)
        variables = _variables(job, batch, deps, place)
        if not variables:
            return DbtRun((), time.monotonic() - started)
        found = _build(project, place, variables)
        findings = tuple(_findings(found, known_tests(project), place / "batch.duckdb"))
    return DbtRun(findings, time.monotonic() - started)


def _variables(job: ResolvedJob, batch: str, deps: Deps, place: Path) -> dict[str, Any]:
    """What the project asks for with `var()`; nothing for a batch without documents."""
    from batch_ai_assets.engine.planning.versions import frozen_job
    from batch_ai_assets.engine.validation.columns import LINEAGE, output_columns

    plan = deps.store.batches.latest_plan(job.name, batch)
    if plan is None or plan.report_path is None or plan.enriched_path is None:
        raise OrderError(
            f"Batch {job.name}/{batch} has no verdicts yet: run the whole job, then test it."
        )
    if not plan.items:
        return {}
    frozen = frozen_job(plan, job)
    output = frozen.spec.output
    properties: Mapping[str, Any] = output.json_schema.get("properties", {})
    paths = {
        "raw_inputs": plan.raw_path,
        "enriched_outputs": plan.enriched_path,
        "validation_report": plan.report_path,
        "results": str(plan.results_path),
    }
    tables = {name: deps.tables.open(path) for name, path in paths.items()}
    for name in ("dead_letter_queue", "review_queue"):
        table = deps.tables.latest(job.name, name, batch)
        if table is None:
            raise OrderError(
                f"{job.name}/{name} of {batch} is not written yet: run the whole job, then test it."
            )
        tables[name] = table
    return {
        **{name: _local(table, place / name) for name, table in tables.items()},
        "file": str(place / "batch.duckdb"),
        "schema": "batch",
        "job": job.name,
        "batch": batch,
        "version": plan.version,
        "fields": [column.name for column in output_columns(frozen)],
        "required": [
            name
            for name in frozen.output_schema()["required"]
            if _never_null(properties.get(name))
        ],
        "lineage": [column.name for column in LINEAGE if column.name not in _MAY_BE_EMPTY],
        "taxonomy": {field: list(values) for field, values in output.taxonomy.items()},
        "ranges": _ranges(properties),
        "rules": [
            {"name": rule.name, "sql": rule.sql}
            for rule in frozen.spec.rules
            if rule.severity == "error"
        ],
    }


def _never_null(said: object) -> bool:
    """Whether the schema of a field leaves no room for null."""
    kinds = said.get("type") if isinstance(said, dict) else None
    return "null" not in kinds if isinstance(kinds, str | list) else False


def _ranges(properties: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    return {
        name: {"minimum": said.get("minimum"), "maximum": said.get("maximum")}
        for name, said in properties.items()
        if isinstance(said, dict)
        and said.get("type") in ("number", "integer")
        and not {"minimum", "maximum"}.isdisjoint(said)
    }


def _local(table: BatchTable, folder: Path) -> list[str]:
    """The table's files, on this machine: dbt's DuckDB is given nothing else to reach."""
    if at(table.path).protocol in ("", "file", "local"):
        return [str(at(file)) for file in table.files]
    folder.mkdir()
    copies = []
    for part, file in zip(table.parts, table.files, strict=True):
        with at(file).open("rb") as source, (folder / part).open("wb") as copy:
            shutil.copyfileobj(source, copy)
        copies.append(str(folder / part))
    return copies


def _build(project: Path, place: Path, variables: Mapping[str, Any]) -> Sequence[Any]:
    """`dbt build` in this process; a result for each model and test."""
    from dbt.cli.main import dbtRunner

    done = dbtRunner().invoke(
        [
            "build",
            "--project-dir", str(project), "--profiles-dir", str(project),
            "--target-path", str(place / "target"), "--log-path", str(place / "logs"),
            "--vars", json.dumps(variables),
            "--log-level", "none", "--log-level-file", "none", "--no-version-check", "--quiet",
        ]
    )  # fmt: skip
    _let_go()
    if done.exception is not None:
        raise DbtError(
            f"dbt could not test the batch: {_first_line(done.exception)} Correct the files in "
            f"{project}."
        ) from done.exception
    results: Sequence[Any] = getattr(done.result, "results", ())
    return results


def _let_go() -> None:
    """Close dbt's connections: its DuckDB file is opened again by others, and the next run has
    another one."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    reset_adapters()  # type: ignore[no-untyped-call]


def _findings(results: Sequence[Any], known: Mapping[str, str], file: Path) -> list[DbtFinding]:
    import duckdb

    by_name = {result.node.name: result for result in results}
    broken = [name for name, result in by_name.items() if result.status == "error"]
    found = []
    with duckdb.connect(str(file), read_only=True) as connection:
        for name, meaning in known.items():
            result = by_name.get(name)
            trouble = ""
            if result is None or result.status in ("error", "skipped"):
                said = result.message if result is not None and result.message else ""
                trouble = _first_line(said) or f"it was not run ({', '.join(broken) or 'unknown'})"
            failing = 0 if result is None else int(result.failures or 0)
            compiled = "" if result is None else str(result.node.compiled_code)
            sample = _sample(connection, compiled) if failing else ()
            found.append(DbtFinding(name, meaning, failing, sample, trouble))
    return found


def _sample(connection: Any, compiled: str) -> tuple[str, ...]:
    """Ids of the first rows; none where the test returns no `item_id`, or one that cannot be
    computed: dbt has only counted the rows."""
    import duckdb

    try:
        if "item_id" not in connection.sql(compiled).columns:
            return ()
        rows = connection.execute(
            f"SELECT item_id FROM ({compiled}) LIMIT {_SHOWN}"
        ).fetchall()
    except duckdb.Error:  # its words quote cells
        return ()
    return tuple(str(item_id) for (item_id,) in rows)


def _first_line(said: object) -> str:
    lines = str(said).strip().splitlines()
    return lines[0].rstrip(".") + "." if lines else ""
