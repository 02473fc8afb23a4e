from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from batch_ai_assets.commands.dagster_run import instance
from batch_ai_assets.engine.spec.registry import BUNDLED_REGISTRY
from batch_ai_assets.published_reports import latest_report
from batch_ai_assets.settings import settings

from .jobs import job_file, write_documents, write_registry
from .running import Platform, batch_ai, letters, refused

Make = Callable[..., Platform]
Popen = Callable[[], "subprocess.Popen[str]"]
REPOSITORY = Path(__file__).resolve().parents[1]


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


def test_a_run_from_the_command_line_belongs_to_the_code_location_that_the_ui_loads(
    platform: Make,
) -> None:
    """Without an origin the UI shows it neither on its landing page nor under its job."""
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))

    batch_ai("run", "mail", "--batch", "monday")

    with instance() as ours:
        (run,) = ours.get_runs(
            dg.RunsFilter(
                tags={".dagster/repository": "__repository__@batch_ai_assets.definitions"}
            )
        )
        shown = {tag for tag in run.tags if not tag.startswith((".dagster/", "dagster/"))}
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.location_name == "batch_ai_assets.definitions"
    assert shown == {
        "batch_ai/job", "batch_ai/data_classification", "batch_ai/state", "batch_ai/who",
    }  # fmt: skip


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
    assert "Nothing was asked or written" in again.stdout
    assert "Nothing to do" not in reprocessed.stdout
    assert here.model.stats()["calls"] == paid
    assert here.report("mail", "monday").record().version == 2
    assert re.search(r"0\.0000 USD \(0\.\d+ in all versions\)", batch_ai("status").stdout)


@pytest.mark.drill
def test_a_finished_batch_gets_no_further_report(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(2), **refused(1)})
    batch_ai("run", "mail", "--batch", "monday")
    data = Path(settings().data_url) / "mail"
    before = {path for path in data.rglob("*") if path.is_dir()}

    batch_ai("run", "mail", "--batch", "monday")

    assert {path for path in data.rglob("*") if path.is_dir()} == before


def test_fresh_asks_the_provider_again(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(3))
    batch_ai("run", "mail", "--batch", "monday")

    batch_ai("run", "mail", "--batch", "monday", "--fresh")

    assert set(here.answers().values()) == {2}


def test_a_halted_batch_ends_with_1_and_says_why_and_what_to_do(platform: Make) -> None:
    here = platform(job_file(budget={"limit_usd": 0.002, "before_start": "warn"}))
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
        (("run", "mail", "--batch", ""), "is not a batch key"),
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
    assert "reason      refusal: the model refused to answer" in shown
    assert "attempt 1   " in shown
    assert "failed for good" in shown
    assert "Tell 0" in opened


def test_dead_letters_are_counted_by_reason_before_they_are_named(platform: Make) -> None:
    here = platform(job_file(retry={"max_attempts": 1}))
    odd = {"t0": "[[id:t0]] [[stub:taxonomy]] Tell."}
    write_documents(here.home, "mail", {**odd, **refused(3)})
    batch_ai("run", "mail", "--batch", "monday")

    shown = batch_ai("dlq", "list", "mail", "--limit", "2").stdout
    lines = [line.strip() for line in shown.splitlines()]

    assert lines[1].split(maxsplit=2)[:2] == ["refusal", "3"]
    assert "the model refused to answer" in lines[1]
    assert lines[2].split(maxsplit=2)[:2] == ["taxonomy", "1"]
    named = [line.split()[2] for line in lines if line.startswith("refusal  ") and "monday" in line]
    assert named == ["r000", "r001"]
    assert "2 more; --limit shows them." in lines


def test_reprocess_asks_dead_documents_again_and_serves_the_rest_from_the_store(
    platform: Make,
) -> None:
    here = platform(job_file())
    later = {"late": "[[id:late]] [[stub:refusal,ok]] Where is my card?"}
    write_documents(here.home, "mail", {**letters(3), **later})
    batch_ai("run", "mail", "--batch", "monday")
    advice = batch_ai("dlq", "show", "mail", "monday", "late").stdout
    assert "batch-ai dlq replay mail monday --root-cause TEXT late" in advice

    batch_ai("run", "mail", "--batch", "monday", "--reprocess")

    record = here.report("mail", "monday").record()
    assert (record.conservation.valid, record.from_store, record.calls) == (4, 3, 1)


@pytest.mark.drill
def test_a_document_that_was_wrong_itself_is_corrected_and_read_again(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {"e0": ""})
    batch_ai("run", "mail", "--batch", "monday")
    write_documents(here.home, "mail", {"e0": "[[id:e0]] Where is my card?"})

    advice = batch_ai("dlq", "show", "mail", "monday", "e0").stdout
    batch_ai("run", "mail", "--batch", "monday", "--reprocess")
    reprocessed = here.report("mail", "monday").record()
    batch_ai("run", "mail", "--batch", "monday", "--reread")
    reread = here.report("mail", "monday").record()

    assert "none: it was never sent" in advice
    assert "batch-ai run mail --batch monday --reread" in advice
    assert (reprocessed.version, reprocessed.conservation.dead) == (2, 1)
    assert (reread.version, reread.conservation.valid) == (3, 1)


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


def test_the_home_is_made_by_the_first_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_AI_HOME", str(tmp_path / "new"))
    settings.cache_clear()

    assert batch_ai("status").exit_code == 0
    assert (tmp_path / "new" / "dagster" / "dagster.yaml").is_file()
    settings.cache_clear()


@pytest.mark.drill
def test_the_demo_sorts_real_documents_with_a_real_model_and_says_how_well(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_registry(tmp_path / "own", job_file())
    monkeypatch.setenv("BATCH_AI_REGISTRY", str(tmp_path / "own"))
    settings.cache_clear()

    result = batch_ai("demo", "--batch", "try")

    assert result.exit_code == 0, result.output
    assert " pending + " in result.stdout
    opener = f"BATCH_AI_REGISTRY={BUNDLED_REGISTRY} batch-ai ui licence_screening try"
    assert f"open it   {opener}" in result.stdout
    report = latest_report(settings().data_url, "licence_screening", "try")
    assert report is not None
    record = report.record()
    assert record.conservation.holds
    assert record.conservation.items > 50
    unseen = next(one for one in record.accuracy if one.cohort == "odd")
    assert unseen.n > 20
    assert unseen.share >= 0.85
    assert unseen.macro_f1 is not None
    surprises = [one for one in record.checks if one.name.startswith("input_") and not one.passed]
    assert not surprises, "what is usual among licences is no finding"
