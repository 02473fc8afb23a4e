"""`minilm-classifier`: a small real model that picks one of the options a JSON schema offers.

    one_thread    numpy without threads of its own
    weights       the files, checked and opened
    encoder       windows of word pieces -> vectors
    windows       texts -> windows; vectors are remembered
    lexicon       words that tell the options apart
    form          what a schema asks for, or why it cannot be filled
    conversation  the solved examples of a request
    contrast      what counts in the vectors of one choice
    chooser       how well each option fits a document
    reply         choices -> JSON and its tokens with log probabilities
    classifier    all of it as a ChatModel

Importing this package opens no weights; making a MiniLMClassifier does.
"""

from . import one_thread  # noqa: F401 - before anything that imports numpy
from .classifier import MiniLMClassifier

__all__ = ["MiniLMClassifier"]
