"""A fresh home that several processes open at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_OPEN = """
import sys
from batch_ai_assets.commands.dagster_seam import open_instance
sys.stdin.readline()
with open_instance(sys.argv[1]) as here:
    print(here.get_runs_count(), len(here.all_instigator_state()))
"""


@pytest.mark.drill
def test_first_runs_at_once_make_one_sound_dagster_instance(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _OPEN, str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        said, errors = process.communicate(timeout=120)
        assert (process.returncode, said.strip()) == (0, "0 0"), errors
