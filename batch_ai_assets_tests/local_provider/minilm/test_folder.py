"""Another copy of the weights: the folder that the server is told of is the one it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import ProviderError
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider


def test_the_server_reads_the_weights_of_the_folder_it_is_told_of(tmp_path: Path) -> None:
    options = ServerOptions(model="minilm-classifier", minilm=tmp_path)

    with pytest.raises(ProviderError, match=str(tmp_path)), LocalProvider(options):
        raise AssertionError("an empty folder holds no weights")
