"""dbt tests of one batch: the promises in SQL, run by dbt over the batch's Parquet.

The tests are files in `dbt_validation/tests/` (`dbt_files.py`); whoever adds a file adds a test.
Here are the run of dbt in this process, and what it found. Knows nothing of Dagster.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from batch_ai_assets.dbt_files import PROJECT, TestFile, known_tests, lay_out, place_of
from batch_ai_assets.dbt_variables import variables_of
from batch_ai_assets.engine.errors import BatchAIError
from batch_ai_assets.engine.figures import counted

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.spec.resolved import ResolvedJob

_SHOWN = 5
_HEADER = re.compile(r"^(?:Runtime|Compilation|Database|Parsing) Error(?: in .*)?$")
"""The line before the one that says why."""
_MAY_QUOTE = re.compile(r"^(?!Parser|Binder|Catalog|Syntax)(\w[\w ]* Error): ")
"""What DuckDB says of values, and may quote; of the query itself it may be told."""

_LEFT_OUT = "dbt left it out: what it names with ref() or source() is not there."


class DbtError(BatchAIError):
    """dbt could not run the tests at all."""

    reason = "dbt"


@dataclass(frozen=True, slots=True)
class DbtFinding:
    """What one test found. Ids of documents are fine to show; their text is in no table here."""

    name: str
    meaning: str
    """The first words of its file."""
    failing: int = 0
    """Rows that it returned."""
    sample: tuple[str, ...] = ()
    """Ids of the first ones."""
    trouble: str = ""
    """Why it could not be run; it counts as failed then."""
    warns: bool = False
    """Its severity: rows that it returns are a warning."""
    off: bool = False
    """Its file switches it off."""

    @property
    def passed(self) -> bool:
        return not self.failing and not self.trouble

    @property
    def warned(self) -> bool:
        return self.warns and bool(self.failing) and not self.trouble

    @property
    def found(self) -> str:
        """For people."""
        if self.trouble:
            return self.trouble
        if self.off:
            return "It was not run: its file switches it off (enabled=false)."
        if self.passed:
            return "No row fails."
        shown = f", the first: {', '.join(self.sample)}" if self.sample else ""
        return f"{counted(self.failing, 'row')} {'fails' if self.failing == 1 else 'fail'}{shown}."


@dataclass(frozen=True, slots=True)
class DbtRun:
    """All tests of one batch."""

    findings: tuple[DbtFinding, ...]
    """Those of `known_tests`, then generic tests that a schema file of the project names."""
    seconds: float


def run_dbt(
    job: ResolvedJob, batch: str, deps: Deps, project: Path = PROJECT
) -> DbtRun:
    """Run every test over the newest version of the batch; none over a batch without documents.

    Always `dbt build`: a test over views of another batch would pass wrongly. Raises OrderError
    where the batch is not judged yet, DbtError where dbt cannot run.
    """
    started = time.monotonic()
    if not project.is_dir():
        raise DbtError(
            f"There is no dbt project at {project}. It is part of a checkout, not of an installed "
            "package: work in a checkout, or set BATCH_AI_DBT=false."
        )
    with tempfile.TemporaryDirectory(prefix="batch-ai-dbt-") as folder:
        place = Path(folder)
        variables = variables_of(job, batch, deps, place)
        if not variables:
            return DbtRun((), time.monotonic() - started)
        known = known_tests(project)
        try:
            lay_out(project, known, place / "project")
        except OSError as error:  # shutil.Error is one, and names every file
            raise DbtError(f"The dbt project {project} cannot be read: {error}.") from error
        results = _build_what_can_be(project, place, variables, known)
        findings = tuple(_findings(results, known, place))
    return DbtRun(findings, time.monotonic() - started)


def _build_what_can_be(
    project: Path, place: Path, variables: Mapping[str, Any], known: dict[str, TestFile]
) -> Sequence[Any]:
    """Results of a build. dbt refuses a whole project for one test that it cannot read: that test
    gets its trouble in `known`, and the others are built without it."""
    while True:
        results, error = _build(place, variables)
        if error is None:
            return results
        broken = known.get(str(getattr(getattr(error, "node", None), "name", "")))
        if broken is None or broken.trouble:
            raise DbtError(
                f"dbt could not test the batch: {reason(error)} Correct the files in {project}."
            ) from error
        known[broken.name] = replace(broken, trouble=reason(error))
        place_of(broken, project, place / "project").unlink()


def _build(
    place: Path, variables: Mapping[str, Any]
) -> tuple[Sequence[Any], BaseException | None]:
    """`dbt build` in this process: a result for each model and test, or why it was not begun."""
    from dbt.cli.main import dbtRunner

    project = str(place / "project")
    done = dbtRunner().invoke(
        [
            "build",
            "--project-dir", project, "--profiles-dir", project,
            "--target-path", str(place / "target"), "--log-path", str(place / "logs"),
            # dbt reads YAML: in JSON, letters beyond the first plane would be two halves each.
            "--vars", yaml.safe_dump(dict(variables), width=float("inf")),
            "--log-level", "none", "--log-level-file", "none", "--no-version-check", "--quiet",
        ]
    )  # fmt: skip
    _let_go()
    return getattr(done.result, "results", ()), done.exception


def _let_go() -> None:
    """Close dbt's connections: its DuckDB file is opened again by others, and the next run has
    another one."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    reset_adapters()  # type: ignore[no-untyped-call]


def _findings(
    results: Sequence[Any], known: Mapping[str, TestFile], place: Path
) -> Iterator[DbtFinding]:
    import duckdb

    tests = {one.node.name: one for one in results if one.node.resource_type == "test"}
    models = [one for one in results if one.node.name not in tests and one.status == "error"]
    broken = f"It was not run: {reason(models[0].message)}" if models else ""
    off = _switched_off(place)
    with duckdb.connect(str(place / "batch.duckdb"), read_only=True) as connection:
        for name, test in known.items():
            if test.trouble or name in off:
                yield DbtFinding(name, test.meaning, trouble=test.trouble, off=name in off)
            elif name in tests:
                yield _finding(connection, tests[name], test.meaning, broken)
            else:
                yield DbtFinding(name, test.meaning, trouble=broken or _LEFT_OUT)
        for name in sorted(tests.keys() - known.keys()):
            yield _finding(connection, tests[name], name.replace("_", " "), broken)


def _finding(connection: Any, result: Any, meaning: str, broken: str) -> DbtFinding:
    trouble = ""
    if result.status in ("error", "skipped"):
        trouble = (reason(result.message) if result.status == "error" else "") or broken
        trouble = trouble or "It was not run, as something it builds on is broken."
    failing = int(result.failures or 0)
    sample = _sample(connection, str(result.node.compiled_code)) if failing else ()
    return DbtFinding(
        result.node.name, meaning, failing, sample, trouble, warns=result.status == "warn"
    )


def _switched_off(place: Path) -> frozenset[str]:
    """Names of tests that dbt read and was told not to run."""
    manifest = json.loads((place / "target/manifest.json").read_text(encoding="utf-8"))
    return frozenset(
        one["name"] for versions in manifest.get("disabled", {}).values() for one in versions
    )


def _sample(connection: Any, compiled: str) -> tuple[str, ...]:
    """Ids of the first rows; none where the test returns no `item_id`, or cannot be asked again."""
    import duckdb

    try:
        rows = connection.execute(
            f"SELECT item_id FROM (\n{compiled}\n) AS failing LIMIT {_SHOWN}"
        ).fetchall()
    except duckdb.Error:  # its words quote cells
        return ()
    return tuple(str(item_id) for (item_id,) in rows)


def reason(said: object) -> str:
    """Why, in one sentence: the first line behind dbt's headers. Of an error about a value its
    kind alone, as DuckDB quotes the value."""
    lines = [line.strip() for line in str(said or "").splitlines() if line.strip()]
    why = next((line for line in lines if not _HEADER.match(line)), lines[0] if lines else "")
    if quoting := _MAY_QUOTE.match(why):
        why = f"{quoting[1]} (ask with batch-ai sql to see of which value)"
    return why.rstrip(".!") + "." if why else ""
