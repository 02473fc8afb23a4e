from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import click.testing
import pytest
from fsspec.registry import _registry
from moto.server import ThreadedMotoServer

from batch_ai_assets.cli import main
from batch_ai_assets.engine.errors import StorageError
from batch_ai_assets.object_storage import _register_s3, reachable
from batch_ai_assets.settings import settings

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters, refused


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a folder in a bucket of a simulated S3 on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="platform")
    _register_s3.cache_clear()
    yield "s3://platform/data"
    server.stop()
    _register_s3.cache_clear()


def test_a_whole_batch_lies_in_a_bucket_and_is_asked_from_there(
    bucket: str, monkeypatch: pytest.MonkeyPatch, platform: Callable[..., Platform]
) -> None:
    monkeypatch.setenv("BATCH_AI_DATA_URL", bucket)
    settings.cache_clear()
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(4), **refused(1)})

    run = here.run("mail", "monday")

    assert run.success
    stored = boto3.client("s3").list_objects_v2(Bucket="platform")["Contents"]
    keys = {entry["Key"] for entry in stored}
    assert f"data/mail/results/monday/{run.run_id}/part-00000.parquet" in keys
    assert f"data/mail/completion_report/monday/{run.run_id}/report.html" in keys
    assert "data/mail/results/monday/_current.json" in keys
    asked = click.testing.CliRunner().invoke(
        main, ["sql", "mail", "SELECT count(*) AS n FROM mail", "--format", "csv"]
    )
    assert asked.exit_code == 0, (asked.output, asked.exception)
    assert asked.stdout.split() == ["n", "4"]


@pytest.mark.drill
def test_two_versions_of_a_batch_lie_side_by_side_in_a_bucket(
    bucket: str, monkeypatch: pytest.MonkeyPatch, platform: Callable[..., Platform]
) -> None:
    monkeypatch.setenv("BATCH_AI_DATA_URL", bucket)
    settings.cache_clear()
    here = platform(job_file())
    write_documents(here.home, "mail", letters(2))

    first = here.run("mail", "monday")
    second = here.run("mail", "monday", **{"batch_ai/mode": "reprocess"})

    stored = boto3.client("s3").list_objects_v2(Bucket="platform", Prefix="data/mail/results")
    folders = {entry["Key"].split("/")[-2] for entry in stored["Contents"]}
    assert {first.run_id, second.run_id} <= folders


def test_a_scheme_without_a_client_is_refused_by_name() -> None:
    with pytest.raises(StorageError, match="gs:// cannot be used"):
        reachable("gs://bucket/data")


def test_a_folder_needs_no_client(tmp_path: Path) -> None:
    assert reachable(str(tmp_path)) == str(tmp_path)


def test_documents_in_a_bucket_are_the_input_of_a_batch(
    bucket: str, monkeypatch: pytest.MonkeyPatch, platform: Callable[..., Platform]
) -> None:
    _registry.pop("s3", None)  # the client is found when the input is opened, not before
    here = platform(job_file(input={"path": "s3://platform/inbox", "format": "text"}))
    for number in range(3):
        boto3.client("s3").put_object(
            Bucket="platform", Key=f"inbox/{number}.html", Body=b"<p>Where is my order?</p>"
        )

    run = here.run("mail", "monday")

    assert run.success
    asked = batch_ai("sql", "mail", "SELECT count(*) AS n FROM mail", "--format", "csv")
    assert asked.stdout.split() == ["n", "3"]
