"""A real model behind the event loop: loaded when first needed, asked in one thread of its own.

Here: the thread and the loading. Not here: any model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from batch_ai_assets.engine.errors import ProviderError

from .model import ChatAnswer, ChatModel, ChatRequest, RequestRefused


class ThreadedModel:
    """One model, one thread: its calls queue up, and the server stays responsive."""

    def __init__(self, name: str, loader: Callable[[], ChatModel]) -> None:
        self.name = name
        self.executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._loader = loader
        self._model: ChatModel | None = None
        self._loading = threading.Lock()

    def load(self) -> ChatModel:
        """The model, loaded once. Raises ProviderError where it cannot be."""
        with self._loading:
            if self._model is None:
                try:
                    self._model = self._loader()
                except ProviderError:
                    raise
                except Exception as error:
                    raise ProviderError(
                        f"the local model {self.name} cannot be loaded: {error}"
                    ) from error
            return self._model

    def answer(self, request: ChatRequest) -> ChatAnswer:
        """Answer one request, in the thread that calls.

        A model that cannot be loaded is to its client a model that is not there: retrying will
        not help. Raises RequestRefused.
        """
        try:
            model = self.load()
        except ProviderError as error:
            raise RequestRefused(404, "model_not_found", str(error)) from error
        return model.answer(request)

    def close(self) -> None:
        """Take no more requests; the one at hand ends."""
        self.executor.shutdown(wait=False, cancel_futures=True)


def load_minilm(folder: Path | None) -> ChatModel:
    """The classifier on all-MiniLM-L6-v2; its weights are read here and not before."""
    from .minilm.classifier import MiniLMClassifier

    return MiniLMClassifier(folder)
