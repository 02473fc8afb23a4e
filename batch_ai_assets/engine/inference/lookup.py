"""Model look-up: before the first call, ask the provider whether key and model are good.

One cheap request by the `openai` SDK, so that a wrong key costs one refusal and no item.
"""

from __future__ import annotations

import tenacity

from ..endpoint import Endpoint
from ..errors import BatchHalted, ProviderAway
from ..spec.resolved import ResolvedJob
from .outcome import FATAL_CODES

_TRIES = 5


def look_up_model(job: ResolvedJob, endpoint: Endpoint) -> None:
    """BatchHalted("provider") where the provider refuses the key or lacks the model; ProviderAway
    where it does not answer.

    An endpoint that cannot list its models (404, 405, 501) is taken at its word.
    """
    import openai

    client = openai.OpenAI(
        base_url=endpoint.base_url, api_key=endpoint.api_key or "none", max_retries=0, timeout=10.0
    )
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(
            (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError)
        ),
        wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=2.0),
        stop=tenacity.stop_after_attempt(_TRIES),
        reraise=True,
    )
    name, provider = job.spec.model.name, job.spec.model.provider
    try:
        known = {model.id for model in retrying(client.models.list)}
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise BatchHalted(
            "provider",
            f"Provider {provider} refuses the API key of {job.name} (HTTP {error.status_code}). "
            f"Check the secret {job.provider.secret or '(none set)'}, then run the batch again.",
        ) from error
    except (openai.NotFoundError, openai.APIStatusError) as error:
        if error.status_code in (404, 405, 501):
            return
        if error.code in FATAL_CODES or not _passes(error.status_code):
            raise BatchHalted(
                "provider",
                f"Provider {provider} refuses {job.name} (HTTP {error.status_code}: "
                f"{FATAL_CODES.get(str(error.code), 'no request is taken')}). Correct it, then run "
                "the batch again.",
            ) from None
        raise _away(job, endpoint, f"HTTP {error.status_code}") from error
    except openai.APIConnectionError as error:
        # The text may quote the request with its key: only the kind of error may leave.
        raise _away(job, endpoint, type(error.__cause__ or error).__name__) from None
    finally:
        client.close()
    if known and name not in known:
        raise BatchHalted(
            "provider",
            f"Provider {provider} has no model {name!r}; it has {', '.join(sorted(known)[:8])}. "
            "Correct model.name in job.yaml, then run the batch again.",
        )


def _passes(status: int) -> bool:
    return status in (408, 409, 425, 429) or status >= 500


def _away(job: ResolvedJob, endpoint: Endpoint, what: str) -> ProviderAway:
    return ProviderAway(
        f"Provider {job.spec.model.provider} at {endpoint.base_url} cannot be reached after "
        f"{_TRIES} tries ({what}). No call was made; the batch goes on by itself once it is back.",
    )
