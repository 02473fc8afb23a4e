"""What befalls a published table is found by the platform's own checks, whenever they are repeated,
or by fsck where no consumer reads the table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batch_ai_assets.engine.batch import checks
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets_tests.defects import DEFECTS, judged_world, planted

from ..world import World

OF_RESULTS = [name for name, defect in DEFECTS.items() if defect.asset == "results"]
BESIDE = [name for name in DEFECTS if name not in OF_RESULTS]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with judged_world(tmp_path_factory.mktemp("defects")) as here:
        yield here


def blocked(here: World) -> dict[str, str]:
    """Check → what it found, of those that would hold the release back."""
    found = checks(here.job, "b1", here.deps)
    return {one.name: one.found for one in found if one.stops_release}


def differing(here: World) -> dict[str, str]:
    """Rule of fsck → what it says."""
    return {one.rule: one.message for one in fsck("topics", "b1", here.deps)}


def test_the_batch_is_sound_before_anything_is_planted(judged: World) -> None:
    assert blocked(judged) == {}
    assert differing(judged) == {}


@pytest.mark.parametrize("name", OF_RESULTS)
def test_a_defect_of_results_is_found_by_its_check_and_by_fsck(name: str, judged: World) -> None:
    defect = DEFECTS[name]
    with planted(judged, [defect]):
        found, said = blocked(judged), differing(judged)
    assert defect.check in found, found
    assert defect.named is None or defect.named in found[defect.check]
    assert "results" in said


@pytest.mark.parametrize("name", BESIDE)
def test_a_defect_of_another_table_is_found_by_fsck(name: str, judged: World) -> None:
    defect = DEFECTS[name]
    with planted(judged, [defect]):
        said = differing(judged)
    assert list(said) == [defect.check]
    assert repr(defect.named) in said[defect.check]
