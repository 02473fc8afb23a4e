"""Kill -9 at named points of a batch. Random instants are `test_random_instants.py`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.errors import StorageError
from batch_ai_assets.engine.state.writer import INTERVAL_SECONDS

from .conftest import StageScene
from .documents import mixed, plain
from .scene import BATCH, FEW, JOB, SPEC, Scene
from .victim import victim

AMONG_CALLS = (
    *(f"after_send:{count}" for count in (1, 60, 180)),
    *(f"after_answer:{count}" for count in (1, 3, 6)),
    *(f"after_commit:{count}" for count in (1, 3, 6)),
)
# A run writes seven parts (raw_inputs, work_plan, enriched_outputs, validation_report, results, …)
# and moves eight pointers; the fifth is `_current.json`.
OUTSIDE_OF_CALLS = (
    *(f"after_parquet_part:{count}" for count in (1, 2, 3, 5)),
    *(f"before_pointer:{count}" for count in (1, 4, 5, 6)),
)


def survive(scene: Scene, failpoint: str, run_id: str = "run-2") -> int:
    """Kill, look, resume, look again; how many calls were paid twice."""
    scene.kill_at(failpoint)
    scene.check_sound()
    outcome = scene.resume(run_id)
    assert outcome.state.finished, outcome.message
    scene.check_sound()
    scene.check_every_item_ended_once()
    return scene.paid_twice()


@pytest.mark.parametrize("failpoint", AMONG_CALLS)
def test_a_kill_among_the_calls_loses_nothing_and_wastes_only_what_was_at_risk(
    stage: StageScene, failpoint: str
) -> None:
    scene = stage(mixed(failpoint.replace(":", "-"), FEW))
    twice = survive(scene, failpoint)
    print(f"{failpoint}: paid twice {twice}, at risk {scene.at_risk():.0f}")
    assert twice <= scene.at_risk()


@pytest.mark.parametrize("failpoint", OUTSIDE_OF_CALLS)
def test_a_kill_outside_of_the_calls_pays_nothing_twice(stage: StageScene, failpoint: str) -> None:
    scene = stage(mixed(failpoint.replace(":", "-"), 60))
    assert survive(scene, failpoint) == 0


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_a_kill_while_the_manifest_is_planned_pays_nothing_twice(
    stage: StageScene, chunk: int
) -> None:
    wide = {**SPEC, "limits": {"concurrency": 64}}
    scene = stage(mixed(f"manifest-{chunk}", 2100), spec=wide)
    assert survive(scene, f"after_manifest:{chunk}") == 0


def test_the_same_run_id_may_come_back_after_a_kill(stage: StageScene) -> None:
    scene = stage(mixed("same", 60))
    assert survive(scene, "after_parquet_part:5", run_id="run-1") == 0


def test_the_remains_of_a_kill_are_never_read(stage: StageScene) -> None:
    scene = stage(mixed("remains", 60))
    scene.kill_at("after_parquet_part:5")
    (remains,) = unfinished(scene.home / "data")
    for part in remains.glob("*.parquet"):
        part.write_bytes(b"half a table")
    with scene.open() as here, pytest.raises(StorageError, match="no finished table"):
        here.deps.tables.open(str(remains))
    scene.resume()
    scene.check_sound()
    scene.check_every_item_ended_once()
    assert unfinished(scene.home / "data") == [remains]


def test_one_kill_after_the_other_adds_up_to_a_whole_batch(stage: StageScene) -> None:
    scene = stage(mixed("again", FEW))
    points = ("after_manifest:1", "after_send:50", "after_commit:2", "after_parquet_part:3")
    allowed = 0.0
    for number, failpoint in enumerate(points, 1):
        with scene.open() as here:
            here.deps.store.leases.release(JOB, BATCH, f"run-{number - 1}")
        scene.kill_at(failpoint, f"run-{number}")
        scene.check_sound()
        allowed += scene.at_risk()
    assert scene.resume("last", dead=f"run-{len(points)}").state.finished
    scene.check_every_item_ended_once()
    assert scene.paid_twice() <= allowed


@pytest.mark.parametrize(
    "failpoint", ["after_manifest:1", "after_parquet_part:1", "after_parquet_part:4"]
)
def test_a_version_begun_with_fresh_asks_again_once_also_after_a_kill(
    stage: StageScene, failpoint: str
) -> None:
    name = f"fresh-{failpoint.replace(':', '-')}"
    scene = stage([plain(name, number) for number in range(20)])
    scene.resume("first")
    scene.kill_at(failpoint, mode=Mode.FRESH)
    assert scene.resume(mode=Mode.RESUME).state.finished
    assert set(scene.calls().values()) == {2}
    scene.check_every_item_ended_once(version=2)


@pytest.mark.parametrize(
    "failpoint",
    ["after_manifest:1", "after_parquet_part:1", "after_parquet_part:4", "before_pointer:5"],
)
def test_a_kill_while_a_batch_is_reprocessed_leaves_consumers_the_version_before(
    stage: StageScene, failpoint: str
) -> None:
    scene = stage(mixed(f"reprocess-{failpoint.replace(':', '-')}", 60))
    scene.resume("first")
    before, rows = scene.current(), scene.released()
    # The job's own input may be gone: the manifest is what is reprocessed.
    (scene.home / "inbox" / "messages.jsonl").unlink()
    scene.kill_at(failpoint, mode=Mode.REPROCESS)
    scene.check_sound()
    assert scene.current() == before
    assert scene.released() == rows
    assert scene.resume(mode=Mode.REPROCESS).state.finished
    scene.check_sound()
    scene.check_every_item_ended_once(version=2)
    assert scene.released() != rows
    # What was answered is not asked again; what ended dead has no answer and is.
    again = {d.item_id for d in scene.documents if d.dead and d.calls}
    assert scene.calls() == {d.item_id: d.calls + (d.item_id in again) for d in scene.documents}


def test_an_answer_waits_for_its_commit_no_longer_than_an_interval(stage: StageScene) -> None:
    """What is at risk is measured by the commits that there were: here, that there were many."""
    scene = stage(mixed("pace", FEW))
    with victim(scene.order()) as one:
        assert one.wait() == 0
    begins, ends = scene.commits()
    intervals = [later - earlier for earlier, later in pairwise(begins)]
    commits = [end - begin for begin, end in zip(begins, ends, strict=True)]
    slack = 0.1  # for a busy machine
    assert median(intervals) <= INTERVAL_SECONDS + median(commits) + slack


def unfinished(root: Path) -> list[Path]:
    """Folders of parts without a seal."""
    return sorted(
        {part.parent for part in root.rglob("*.parquet")}
        - {seal.parent for seal in root.rglob("_table.json")}
    )
