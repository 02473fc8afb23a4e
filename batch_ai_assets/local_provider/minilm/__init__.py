"""`minilm-classifier`: a small real model that picks one of the options a JSON schema offers.

    weights       the files, checked and opened
    encoder       windows of word pieces -> vectors
    windows       texts -> windows; vectors are remembered
    lexicon       words that tell the options apart
    form          what a schema asks for, or why it cannot be filled
    conversation  the documents and examples of a request
    chooser       how well each option fits a document
    reply         choices -> JSON and its tokens with log probabilities
    classifier    all of it as a ChatModel

Importing this package opens no weights; making a MiniLMClassifier does.
"""

from .classifier import MiniLMClassifier

__all__ = ["MiniLMClassifier"]
