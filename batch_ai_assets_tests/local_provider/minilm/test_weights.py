"""The weights: only the expected bytes are used, and only as data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import ProviderError
from batch_ai_assets.local_provider.minilm import MiniLMClassifier
from batch_ai_assets.local_provider.minilm.weights import SHA256, _folder_in_wheel


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the same two files; nothing is copied until a test changes one."""
    for name in SHA256:
        (tmp_path / name).symlink_to(_folder_in_wheel() / name)
    return tmp_path


@pytest.mark.parametrize("name", sorted(SHA256))
def test_a_changed_file_is_refused_by_name_with_what_to_do(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).unlink()
    middle = len(content) // 2
    (copy / name).write_bytes(content[:middle] + b"\x01" + content[middle + 1 :])
    with pytest.raises(ProviderError, match=rf"{name} is not the file .* install .* again"):
        MiniLMClassifier(copy)


def test_a_folder_without_weights_is_refused_by_name_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"No such file.*BATCH_AI_MINILM") as caught:
        MiniLMClassifier(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_another_folder_with_the_same_files_serves_as_well(copy: Path) -> None:
    assert MiniLMClassifier(copy).name == "minilm-classifier"


def test_the_package_that_carries_the_weights_is_never_imported() -> None:
    program = (
        "import sys; from batch_ai_assets.local_provider.minilm import MiniLMClassifier\n"
        "MiniLMClassifier()\n"
        "print([m for m in sys.modules if m.startswith(('gt_all', 'torch', 'transformers'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
