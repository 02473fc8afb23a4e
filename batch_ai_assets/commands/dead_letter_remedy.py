"""What a person can do about a dead letter, by its reason.

Three places to mend: the document, the job, the provider. A replay asks about the document as it
was taken in; one that was mended is read again; a changed job asks what it changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ai_assets.commands.program import command, discard_command, replay_command
from batch_ai_assets.engine.reporting.wording import OF_THE_ANSWER, OF_THE_DOCUMENT

if TYPE_CHECKING:
    from batch_ai_assets.engine.state.rows import DeadLetterRow


def remedy(letter: DeadLetterRow) -> str:
    """A few sentences, with the commands. Giving up is always one of the ways."""
    run = command("run", letter.job, "--batch", letter.batch)
    if letter.status != "open":
        return f"It was {letter.status} by a person: {run} makes the next version, which says so."
    discard = discard_command(letter.job, letter.batch, letter.item_id)
    return f"{_mended(letter, run)} Or give it up: {discard}"


def _mended(letter: DeadLetterRow, run: str) -> str:
    """What to mend, and what carries it out."""
    reason = letter.reason
    replay = replay_command(letter.job, letter.batch, letter.item_id)
    once_more = f"Or ask once more; the same question may bring the same answer ({replay})."
    if reason in OF_THE_DOCUMENT:
        return (
            f"Correct the document where it comes from, then read it again ({run}"
            " --reread); stored answers serve the documents that are the same."
        )
    if reason.startswith("rule:"):
        return (
            "The answer is stored and breaks a rule. Correct the rule or the prompt in the job's"
            f" folder and run the batch again ({run}). {once_more}"
        )
    if reason == "too_long":
        return (
            "Name a model with a longer context in job.yaml, a smaller max_tokens, or over_length:"
            f" truncate or chunk_and_merge, and run the batch again ({run}). Or shorten the"
            " document where it comes from, and run the batch with --reread."
        )
    if reason == "rejected":
        return (
            f"Read the message. Where the job is at fault, mend it and run the batch again ({run})."
            " Where the document is, mend it where it comes from and say --reread."
        )
    if reason == "refusal":
        return f"Change the prompt and run the batch again ({run}). {once_more}"
    if reason in OF_THE_ANSWER:
        return f"Mend prompt, schema or max_tokens and run the batch again ({run}). {once_more}"
    return f"Once the provider is well, ask again, and nothing else is asked or paid ({replay})."
