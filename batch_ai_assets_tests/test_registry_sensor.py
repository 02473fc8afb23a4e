from __future__ import annotations

from pathlib import Path

import dagster as dg

from batch_ai_assets.registry_sensor import fingerprint, registry_sensor

from .jobs import job_file, write_registry


def tick(folder: Path, cursor: str | None) -> dg.SensorResult:
    result = registry_sensor(folder)(dg.build_sensor_context(cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    return result


def finding(result: dg.SensorResult) -> dg.AssetCheckEvaluation:
    (one,) = [e for e in result.asset_events or () if isinstance(e, dg.AssetCheckEvaluation)]
    return one


def test_a_registry_in_order_passes_at_the_first_look(tmp_path: Path) -> None:
    folder = write_registry(tmp_path, job_file())

    assert finding(tick(folder, None)).passed


def test_a_job_that_breaks_is_reported_by_itself_and_once(tmp_path: Path) -> None:
    folder = write_registry(tmp_path, job_file())
    before = tick(folder, None).cursor
    write_registry(tmp_path, job_file(), job_file("lost", purpoze="?"))

    after = tick(folder, before)

    assert not finding(after).passed
    assert "purpoze" in str(finding(after).metadata["lost"].value)
    assert tick(folder, after.cursor).asset_events in (None, [])


def test_a_job_that_is_mended_passes_again(tmp_path: Path) -> None:
    folder = write_registry(tmp_path, job_file("lost", purpoze="?"))
    broken = tick(folder, None)

    write_registry(tmp_path, job_file("lost"))

    assert finding(tick(folder, broken.cursor)).passed


def test_the_fingerprint_sees_a_prompt_that_changes(tmp_path: Path) -> None:
    folder = write_registry(tmp_path, job_file())
    before = fingerprint(folder)

    (folder / "mail" / "prompt.md").write_text("Say it differently.")

    assert fingerprint(folder) != before
