"""An OpenAI-compatible model provider on loopback, for the demo, for tests and for drills.

Here: the HTTP server (`server`), what travels over the wire (`wire`), what a model is (`model`),
the deterministic `stub` model with its fault plan (`faults`, `markers`), rate-limit buckets
(`buckets`), what the server saw (`stats`), and the server as a child process (`process`). The
real small model lives in `minilm/`. Nothing here knows the engine or Dagster: the engine talks
to this package over HTTP alone, as it talks to any provider.
"""
