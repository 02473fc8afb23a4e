"""Documents behind a URL are read as those in a folder are; a store that is away is waited for."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import boto3
import fsspec
import pytest
from fsspec.registry import _registry
from moto.server import ThreadedMotoServer

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake import read_documents, resolve_location
from batch_ai_assets.engine.intake.files import list_files
from batch_ai_assets.engine.intake.remote import RemoteFiles
from batch_ai_assets.engine.intake.retry import Retry, is_passing
from batch_ai_assets.object_storage import _register_s3, offer_s3

from .jobs import job_for, only, read, reason

NAMES = ["a b.txt", "a'b\".txt", "sub/Ωμέγα 文書.md", "sub/100%.txt", "x#y?z.txt", "*[1].txt"]
ON_ARRIVAL = {"cadence": "on_arrival", "arrival": {"items": 1}}


@pytest.fixture
def memory() -> Iterator[str]:
    """The URL of an empty folder in this process's memory."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    store.makedirs("/box/inbox")
    yield "memory://box/inbox"
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty folder in a bucket of a simulated S3 on this machine."""
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
    boto3.client("s3").create_bucket(Bucket="box")
    # The simulation keeps what a server before it held.
    boto3.resource("s3").Bucket("box").objects.all().delete()
    boto3.client("s3").put_object(Bucket="box", Key="inbox/", Body=b"")
    _forget()
    offer_s3()
    yield "s3://box/inbox"
    server.stop()
    _forget()


def _forget() -> None:
    _register_s3.cache_clear()
    _registry.pop("s3", None)  # a client knows the address it was made with


@pytest.fixture(params=["memory", "s3"])
def inbox(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


def _put(inbox: str, names: list[str]) -> None:
    for name in names:
        content = f"text of {name}".encode()
        if inbox.startswith("s3"):
            boto3.client("s3").put_object(Bucket="box", Key=f"inbox/{name}", Body=content)
        else:
            fsspec.filesystem("memory").pipe_file(f"/box/inbox/{name}", content)


def test_every_file_below_a_url_is_an_item_in_path_order(inbox: str, tmp_path: Path) -> None:
    _put(inbox, [*NAMES, "_SUCCESS", ".hidden", "_tmp/part.txt"])
    documents = read(job_for(tmp_path, path=inbox))
    assert [document.item_id for document in documents] == sorted(NAMES)
    assert [document.text for document in documents] == [f"text of {n}" for n in sorted(NAMES)]
    assert all(document.changed for document in documents)


def test_a_single_file_is_read_alone(inbox: str, tmp_path: Path) -> None:
    _put(inbox, ["a.txt", "b.txt"])
    assert only(read(job_for(tmp_path, path=f"{inbox}/b.txt"))).text == "text of b.txt"


def test_an_empty_folder_has_no_items(inbox: str, tmp_path: Path) -> None:
    assert read(job_for(tmp_path, path=inbox)) == []


def test_a_folder_that_is_not_there_is_named(inbox: str, tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"nowhere .*does not exist"):
        read(job_for(tmp_path, path=f"{inbox}/nowhere"))


def test_an_inbox_that_was_emptied_is_empty_but_its_bucket_must_be_there(
    inbox: str, tmp_path: Path
) -> None:
    job = job_for(tmp_path, path=f"{inbox}/emptied", batches=ON_ARRIVAL)
    assert read(job) == []
    with pytest.raises(IntakeError, match="does not exist"):
        read(job_for(tmp_path, path=inbox.replace("box", "nobox"), batches=ON_ARRIVAL))


def test_files_are_chosen_marked_and_taken_by_name_as_in_a_folder(
    inbox: str, tmp_path: Path
) -> None:
    _put(inbox, ["done/_SUCCESS", "done/a.txt", "open/b.txt", "done/c.md"])
    job = job_for(tmp_path, path=inbox, glob="**/*.txt", mark="_SUCCESS")
    assert [document.item_id for document in read(job)] == ["done/a.txt"]
    location = resolve_location(job, "b1", tmp_path).only(["open/b.txt", "gone.txt", "../x", "/y"])
    documents = list(read_documents(job, location))
    assert [reason(d) for d in documents] == [None, "unreadable", "unreadable", "unreadable"]


def test_sizes_and_times_come_with_the_listing(s3: str, tmp_path: Path) -> None:
    _put(s3, ["a.txt"])
    listed = RemoteFiles(s3).list(s3)
    status = listed.known["a.txt"]
    assert (listed.names, status.st_size, stat.S_ISREG(status.st_mode)) == (["a.txt"], 13, True)
    (file,) = list_files(
        resolve_location(job_for(tmp_path, path=s3), "b1", tmp_path), RemoteFiles(s3), Retry()
    )
    assert (file.size, file.changed) == (13, status.st_mtime)


def test_csv_and_jsonl_are_read_through_a_url(inbox: str, tmp_path: Path) -> None:
    rows = b'{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}\n'
    with fsspec.open(f"{inbox}/a.jsonl", "wb") as file:
        file.write(rows)
    documents = read(job_for(tmp_path, path=inbox, format="jsonl"))
    assert [(d.item_id, d.text) for d in documents] == [("1", "one"), ("2", "two")]


def test_a_bucket_that_is_not_there_is_told_at_once(s3: str, tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="does not exist"):
        read(job_for(tmp_path, path="s3://elsewhere/inbox"))


def test_a_store_that_is_away_is_a_passing_error_without_keys_in_it(
    s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def away(*_: object, **__: object) -> None:
        raise RuntimeError("Could not connect to the endpoint")

    access = RemoteFiles(s3)
    monkeypatch.setattr(access._store, "ls", away)
    with pytest.raises(OSError, match="Could not connect") as caught:
        access.list(s3)
    assert is_passing(caught.value)
    waits: list[float] = []
    job = job_for(tmp_path, path=s3)
    location = resolve_location(job, "b1", tmp_path)
    with pytest.raises(IntakeError, match="cannot be listed: Could not connect"):
        list(read_documents(job, location, access, waits.append))
    assert waits == [0.2, 0.4, 0.8, 1.6]


def test_a_refusal_does_not_pass(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("When listing objects: AWS Error ACCESS_DENIED during ListObjectsV2")

    access = RemoteFiles(s3)
    monkeypatch.setattr(access._store, "ls", refused)
    with pytest.raises(PermissionError) as caught:
        access.list(s3)
    assert not is_passing(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://box/../secret", "holds '.' or '..'"),
        ("s3://box/a/./b", "holds '.' or '..'"),
        ("ftp://somebody:hunter2@host/inbox", "holds a password"),
        ("https://host/inbox?sig=hunter2", "a query such as a signature"),
        ("nosuch://host/inbox", "no scheme that documents can be read from"),
        ("gs://box/inbox", "Install that client"),
    ],
)
def test_a_url_that_cannot_be_read_says_what_to_do(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(IntakeError) as caught:
        read(job_for(tmp_path, path=url))
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_url_is_a_folder_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.txt").write_text("text")
    (tmp_path / "inbox" / "out").symlink_to("/etc/hostname")
    documents = read(job_for(tmp_path, path=f"file://{tmp_path}/inbox"))
    assert [(d.item_id, reason(d)) for d in documents] == [("a.txt", None), ("out", "unreadable")]


def test_the_date_of_a_batch_stands_in_a_url(memory: str, tmp_path: Path) -> None:
    _put(memory, ["2026-11-22/a.txt", "2026-11-23/b.txt"])
    job = job_for(tmp_path, path=memory + "/{date}", batches={"cadence": "daily"})
    assert only(read(job)).item_id == "a.txt"
