"""`python -m batch_ai_assets.local_provider`: the local server as a process of its own."""

from __future__ import annotations

from .command import local_provider

local_provider(prog_name="local-provider")
