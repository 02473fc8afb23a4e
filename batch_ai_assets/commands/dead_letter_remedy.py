"""What a person can do about a dead letter, by its reason.

Three places to mend: the document, the job, the provider. A replay asks about the document as it
was taken in; one that was mended is read again; a changed job asks what it changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ai_assets.commands.program import command, replay_command
from batch_ai_assets.engine.reporting.wording import OF_THE_DOCUMENT

if TYPE_CHECKING:
    from batch_ai_assets.engine.state.rows import DeadLetterRow


def remedy(letter: DeadLetterRow) -> str:
    """One or two sentences, with the command."""
    job, batch = letter.job, letter.batch
    if letter.status != "open":
        run = command("run", job, "--batch", batch)
        return f"It was {letter.status} by a person: {run} makes the next version, which says so."
    replay = replay_command(job, batch, letter.item_id)
    if letter.reason in OF_THE_DOCUMENT:
        reread = command("run", job, "--batch", batch, "--reread")
        return (
            f"Correct the document where it comes from, then {reread}: it reads the documents"
            " again, stored answers serve those that are the same."
        )
    if letter.reason.startswith("rule:"):
        return (
            "The answer is stored and breaks a rule. Correct the rule or the prompt in the job's"
            f" folder and run the batch again ({command('run', job, '--batch', batch)});"
            f" or ask for another answer: {replay}"
        )
    if letter.reason == "too_long":
        return (
            "Name a model with a longer context in job.yaml, or a smaller max_tokens, and run the"
            f" batch again ({command('run', job, '--batch', batch)}); say over_length: truncate or"
            " chunk_and_merge; or shorten the document, and run the batch with --reread."
        )
    return f"Mend the cause, then {replay}: it asks again, and nothing else is asked or paid."
