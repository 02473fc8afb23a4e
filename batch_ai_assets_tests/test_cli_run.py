from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click.testing
import dagster as dg
import pytest

from batch_ai_assets.cli import main
from batch_ai_assets.commands.dagster_run import instance
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets.published_reports import latest_report
from batch_ai_assets.settings import settings

from .jobs import job_file, write_documents, write_registry
from .running import Platform, letters, refused

Make = Callable[..., Platform]
Popen = Callable[[], "subprocess.Popen[str]"]
REPOSITORY = Path(__file__).resolve().parents[1]


def batch_ai(*arguments: str) -> click.testing.Result:
    """The command line in this process. A trace-back to the user is a failure of the test."""
    result = click.testing.CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_run_prints_the_conservation_line_and_where_the_report_is(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(3), **refused(1)})

    result = batch_ai("run", "mail", "--batch", "monday")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "4 items = 0 pending + 3 valid + 0 review + 1 dead" in lines[0]
    html = next(line.split()[-1] for line in lines if line.startswith("report"))
    assert Path(html).is_file()
    assert any("batch-ai ui mail monday" in line for line in lines)


def test_a_run_from_the_command_line_is_in_the_dagster_instance_of_the_ui(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(2))

    batch_ai("run", "mail", "--batch", "monday")

    with instance() as ours:
        (run,) = ours.get_runs()
        assert run.tags["dagster/partition"] == "monday"
        assert run.tags["batch_ai/state"] == "completed"
        assert run.tags["batch_ai/who"].startswith("cli:")
        assert ours.get_dynamic_partitions("mail") == ["monday"]


def test_without_a_key_a_new_batch_is_made_and_named(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(2))

    result = batch_ai("run", "mail")

    assert result.exit_code == 0, result.output
    with instance() as ours:
        (key,) = ours.get_dynamic_partitions("mail")
    assert key.startswith("run-")
    assert key in result.stdout


def test_without_a_key_a_daily_job_takes_the_day_that_is_over(platform: Make) -> None:
    here = platform(
        job_file(
            "post",
            batches={"cadence": "daily", "window": "path"},
            input={"path": "{home}/inbox/post/{date}", "format": "jsonl"},
        )
    )
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    write_documents(here.home, f"post/{yesterday}", letters(2))

    result = batch_ai("run", "post")

    assert result.exit_code == 0, result.output
    assert f"batch-ai ui post {yesterday}" in result.stdout
    assert here.report("post", yesterday).record().conservation.valid == 2


def test_a_finished_batch_says_that_there_is_nothing_to_do_and_reprocess_costs_nothing(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(3))
    batch_ai("run", "mail", "--batch", "monday")
    paid = here.model.stats()["calls"]

    again = batch_ai("run", "mail", "--batch", "monday")
    reprocessed = batch_ai("run", "mail", "--batch", "monday", "--reprocess")

    assert (again.exit_code, reprocessed.exit_code) == (0, 0)
    assert "Nothing to do" in again.stdout
    assert "Nothing to do" not in reprocessed.stdout
    assert here.model.stats()["calls"] == paid
    assert here.report("mail", "monday").record().version == 2


def test_fresh_asks_the_provider_again(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(3))
    batch_ai("run", "mail", "--batch", "monday")

    batch_ai("run", "mail", "--batch", "monday", "--fresh")

    assert set(here.answers().values()) == {2}


def test_a_halted_batch_ends_with_1_and_says_why_and_what_to_do(platform: Make) -> None:
    here = platform(job_file(budget={"limit_usd": 0.002}))
    write_documents(here.home, "mail", letters(50))

    result = batch_ai("run", "mail", "--batch", "monday")

    assert result.exit_code == 1
    assert "50 items = " in result.stdout.splitlines()[0]
    assert "budget" in result.stdout
    assert "Traceback" not in result.output


def test_a_batch_without_input_ends_with_1_and_names_the_place(platform: Make) -> None:
    platform(job_file())

    result = batch_ai("run", "mail", "--batch", "monday")

    assert result.exit_code == 1
    assert "inbox/mail" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "male"), "mail"),
        (("run", "mail", "--batch", "a/b"), "is not a batch key"),
        (("run", "mail", "--fresh", "--reprocess"), "exclude each other"),
        (("run",), "JOB"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint(
    platform: Make, arguments: tuple[str, ...], said: str
) -> None:
    platform(job_file())

    result = batch_ai(*arguments)

    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_status_shows_every_batch_with_its_conservation_line(platform: Make) -> None:
    here = platform(job_file())
    assert "no batch" in batch_ai("status").stdout
    write_documents(here.home, "mail", letters(3))
    batch_ai("run", "mail", "--batch", "monday")

    everything, one = batch_ai("status").stdout, batch_ai("status", "mail").stdout

    for shown in (everything, one):
        assert "monday" in shown
        assert "completed" in shown
        assert "3 items = 0 pending + 3 valid" in shown
    assert "no batch of post" in batch_ai("status", "post").stdout


def test_the_story_of_a_dead_letter_is_told_and_its_document_opened_only_on_demand(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", refused(1))
    batch_ai("run", "mail", "--batch", "monday")

    listed = batch_ai("dlq", "list", "mail").stdout
    shown = batch_ai("dlq", "show", "mail", "monday", "r000").stdout
    opened = batch_ai("dlq", "show", "mail", "monday", "r000", "--payload").stdout

    assert "r000" in listed
    assert "Tell 0" not in listed + shown
    assert "reason" in shown
    assert "Tell 0" in opened


def test_who_opens_a_document_is_recorded(platform: Make) -> None:
    import sqlalchemy as sa

    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.state import tables

    here = platform(job_file())
    write_documents(here.home, "mail", refused(1))
    batch_ai("run", "mail", "--batch", "monday")

    batch_ai("dlq", "show", "mail", "monday", "r000", "--payload")

    with open_deps() as deps, deps.store.database.read() as connection:
        audit = sa.select(tables.audit).where(tables.audit.c.action == "dead letter opened")
        notes = connection.execute(audit).mappings().all()
    assert [(note["item_id"], note["who"].split(":")[0]) for note in notes] == [("r000", "cli")]


def test_an_item_that_is_no_dead_letter_is_named(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))
    batch_ai("run", "mail", "--batch", "monday")

    result = batch_ai("dlq", "show", "mail", "monday", "m000")

    assert result.exit_code == 1
    assert "is not a dead letter of mail/monday" in result.output
    assert "no dead letter" in batch_ai("dlq", "list", "mail").stdout


def test_fsck_of_a_finished_batch_finds_nothing(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(3))
    batch_ai("run", "mail", "--batch", "monday")

    result = batch_ai("fsck", "mail", "monday")

    assert result.exit_code == 0, result.output
    assert "agree" in result.stdout
    assert batch_ai("fsck", "mail", "tuesday").exit_code == 1


def test_sql_reads_released_rows_of_every_batch_and_the_newest_of_every_item(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(3))
    batch_ai("run", "mail", "--batch", "monday")
    write_documents(here.home, "mail", letters(4))
    batch_ai("run", "mail", "--batch", "tuesday")

    def ask(query: str) -> list[str]:
        result = batch_ai("sql", "mail", query, "--format", "csv")
        assert result.exit_code == 0, result.output
        return result.stdout.split()

    counts = ask("SELECT batch, count(*) AS n FROM mail GROUP BY batch ORDER BY batch")
    assert counts == ["batch,n", "monday,3", "tuesday,1"]
    assert ask("SELECT count(DISTINCT item_id) AS n FROM mail__current") == ["n", "4"]
    assert ask("SELECT count(*) AS n FROM mail__raw_inputs") == ["n", "7"]


def test_the_current_row_of_an_item_is_the_one_that_was_released_last(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {"m000": "[[id:m000]] The first wording."})
    batch_ai("run", "mail", "--batch", "zulu")
    write_documents(here.home, "mail", {"m000": "[[id:m000]] The second wording."})
    batch_ai("run", "mail", "--batch", "alpha")
    write_registry(here.folder, job_file(prompt={"file": "prompt.md", "version": "2"}),
                   base_url=here.model.base_url)  # fmt: skip
    write_documents(here.home, "mail", {"m000": "[[id:m000]] The first wording."})
    batch_ai("run", "mail", "--batch", "zulu", "--reprocess")

    asked = batch_ai("sql", "mail", "SELECT batch, version FROM mail__current", "--format", "csv")

    assert asked.stdout.split() == ["batch,version", "zulu,2"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO 'out.csv'",
        "ATTACH 'other.db'",
        "SET enable_external_access = true",
        "SELECT nothing FROM nowhere",
        "",
    ],
)
def test_sql_can_do_nothing_but_ask(platform: Make, query: str) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))
    batch_ai("run", "mail", "--batch", "monday")

    result = batch_ai("sql", "mail", query)

    assert result.exit_code != 0
    assert "Traceback" not in result.output
    assert "root:" not in result.output


def test_sql_of_a_job_that_never_ran_says_how_to_run_it(platform: Make) -> None:
    platform(job_file())

    assert "batch-ai run mail" in batch_ai("sql", "mail", "SELECT 1").output


@contextmanager
def slow_platform(home: Path, folder: Path) -> Iterator[tuple[LocalProvider, Popen]]:
    """A model that takes its time, and a way to start `batch-ai run` in a process of its own."""
    with LocalProvider(ServerOptions(model="stub", latency_ms=200)) as slow:
        registry = write_registry(
            folder, job_file(limits={"concurrency": 4}), base_url=slow.base_url
        )
        write_documents(home, "mail", letters(60))
        command = [sys.executable, "-m", "batch_ai_assets.cli", "run", "mail", "--batch", "monday"]
        environment = {**os.environ, "BATCH_AI_REGISTRY": str(registry)}

        def start() -> subprocess.Popen[str]:
            return subprocess.Popen(
                command, cwd=REPOSITORY, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip

        yield slow, start


def test_ctrl_c_drains_ends_with_130_and_the_next_run_pays_nothing_twice(
    home: Path, tmp_path: Path
) -> None:
    with slow_platform(home, tmp_path / "registry") as (slow, start):
        first = start()
        _wait_for_answers(slow, first, 12)

        first.send_signal(signal.SIGINT)
        out, err = first.communicate(timeout=60)

        assert first.returncode == 130, out + err
        assert "60 items = " in out.splitlines()[0]
        assert "Traceback" not in out + err
        second = start()
        assert second.wait(120) == 0, second.communicate()
        counts = {name: item["answers"] for name, item in slow.stats()["items"].items()}
    assert len(counts) == 60
    assert set(counts.values()) == {1}
    with instance() as ours:
        statuses = [run.status for run in ours.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED]


def test_a_command_line_that_was_killed_leaves_no_run_that_seems_to_live(
    home: Path, tmp_path: Path
) -> None:
    with slow_platform(home, tmp_path / "registry") as (slow, start):
        first = start()
        _wait_for_answers(slow, first, 12)

        first.kill()
        first.communicate(timeout=60)
        second = start()

        assert second.wait(180) == 0, second.communicate()
        answers = sum(item["answers"] for item in slow.stats()["items"].values())
    assert answers <= 60 + 4 + 20  # in flight, and one second of calls between two commits
    with instance() as ours:
        statuses = [run.status for run in ours.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def _wait_for_answers(model: LocalProvider, process: subprocess.Popen[str], count: int) -> None:
    import time

    deadline = time.monotonic() + 60
    while model.stats()["answers"] < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run did not get going"
        time.sleep(0.05)


def test_the_home_is_made_by_the_first_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_AI_HOME", str(tmp_path / "new"))
    settings.cache_clear()

    assert batch_ai("status").exit_code == 0
    assert (tmp_path / "new" / "dagster" / "dagster.yaml").is_file()
    settings.cache_clear()


def test_the_demo_sorts_real_documents_with_a_real_model_and_says_how_well(home: Path) -> None:
    result = batch_ai("demo", "--batch", "try")

    assert result.exit_code == 0, result.output
    assert " pending + " in result.stdout
    report = latest_report(settings().data_url, "licence_screening", "try")
    assert report is not None
    record = report.record()
    assert record.conservation.holds
    assert record.conservation.items > 50
    unseen = next(one for one in record.accuracy if one.cohort == "odd")
    assert unseen.n > 20
    assert unseen.share >= 0.85
