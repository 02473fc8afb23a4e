"""Providers come from the bundled file and the user's; a broken entry stays on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.spec.providers_file import BUNDLED_REGISTRY, load_providers
from batch_ai_assets.engine.spec.registry import load_registry

from .job_folders import changed, write_job

SOUND = """\
near:
  base_url: http://127.0.0.1:8000/v1
  region: local
  approved_classes: [internal]
  models:
    m: {price: {input_usd_per_million: 1, output_usd_per_million: 2}, context_tokens: 900}
"""


def _broken(tmp_path: Path, text: str) -> str:
    (tmp_path / "providers.yaml").write_text(text)
    return load_providers(tmp_path).problems


def test_a_registry_without_the_file_has_the_bundled_providers(tmp_path: Path) -> None:
    assert load_providers(tmp_path).specs == load_providers(BUNDLED_REGISTRY).specs


def test_an_entry_adds_to_the_bundled_ones(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(SOUND)
    specs = load_providers(tmp_path).specs
    assert {"near", "local", "openai"} <= set(specs)
    assert specs["near"].models["m"].rate.cost_usd(1_000_000, 1_000_000) == 3


def test_an_entry_replaces_a_bundled_one_whole(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(SOUND.replace("near:", "openai:"))
    openai = load_providers(tmp_path).specs["openai"]
    assert set(openai.models) == {"m"}
    assert openai.secret is None


def test_a_job_may_use_a_priced_provider_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(SOUND)
    model = {"provider": "near", "name": "m", "parameters": {"max_tokens": 10}}
    write_job(tmp_path, changed(("model", model), ("budget", {"limit_usd": 1})))
    assert load_registry(tmp_path).job("tickets").offer.context_tokens == 900


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("http://127.0.0.1", "http://example.com", "plain http to another machine; use https"),
        ("http://127.0.0.1", "ftp://127.0.0.1", "is not a web address"),
        ("  base_url: http://127.0.0.1:8000/v1\n", "", "base_url is missing"),
        ("http://127.0.0.1:8000/v1", "https://x.example.com", "region: local is for a server on"),
        ("region", "regoin", "near.regoin: this key is not known. Did you mean 'region'?"),
        ("  region: local\n", "  verify_tls: false\n", "near.verify_tls: this key is not known"),
        ("[internal]", "[secret]", 'near.approved_classes[0]: "secret" is not known here'),
        ("context_tokens: 900", "context_tokens: 0", "near.models.m.context_tokens: 0 is out"),
        ("output_usd_per_million: 2", "", "near.models.m.price.output_usd_per_million: is missing"),
        ("{input_usd_per_million: 1, output_usd_per_million: 2}", "fre", "write free"),
        (
            "{input_usd",
            "{cached_input_usd_per_million: 1.5, input_usd",
            "near.models.m.price: cached_input_usd_per_million is 1.5, above input_usd_per_million",
        ),
        ("    m: {", "    m: {priec: free, ", "near.models.m.priec: this key is not known."),
        (SOUND[6:], " 5\n", "near: 5 is of the wrong type; write a mapping"),
        (SOUND, "- near\n", "write a mapping: the provider's name"),
        (SOUND, "near: [\n", "this is not YAML"),
    ],
)
def test_a_mistake_is_named_with_file_line_path_and_remedy(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in SOUND
    problems = _broken(tmp_path, SOUND.replace(old, new))
    assert problems.startswith(str(tmp_path / "providers.yaml"))
    assert said in problems


def test_a_key_written_in_the_place_of_its_reference_is_never_shown(tmp_path: Path) -> None:
    problems = _broken(tmp_path, SOUND + "  secret: sk-verysecret\n")
    assert "near.secret: this is not a reference to a secret: Where the API key is" in problems
    assert "verysecret" not in problems


def test_a_broken_entry_takes_only_its_own_jobs_down(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(SOUND.replace("region", "regoin"))
    write_job(tmp_path)
    job = changed(("job", "far"), ("model", {"provider": "near", "name": "m"}))
    write_job(tmp_path, job, name="far")
    registry = load_registry(tmp_path)
    assert set(registry.jobs) == {"tickets"}
    assert [broken.name for broken in registry.broken] == ["providers.yaml", "far"]
    assert "the entry of provider 'near' is broken: " in registry.broken[1].message
    assert "Did you mean 'region'?" in registry.broken[1].message


def test_a_broken_entry_never_falls_back_to_the_bundled_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text("local: {kind: local, region: local}\n")
    write_job(tmp_path)
    registry = load_registry(tmp_path)
    assert registry.jobs == {}
    assert "local.models: is missing" in registry.broken[0].message


def test_an_unreadable_file_leaves_the_bundled_providers(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text("near: [\n")
    write_job(tmp_path)
    registry = load_registry(tmp_path)
    assert set(registry.jobs) == {"tickets"}
    assert [broken.name for broken in registry.broken] == ["providers.yaml"]


def test_an_empty_file_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text("# none yet\n")
    assert load_providers(tmp_path).specs == load_providers(BUNDLED_REGISTRY).specs
    assert load_providers(tmp_path).problems == ""


@pytest.mark.parametrize(
    "address",
    [
        "https://me:hunter2@api.example.com/v1",
        "me:hunter2@api.example.com",
        "https://[me:hunter2@x/v1",
        "https://api.example.com/v1?key=hunter2",
        "https://api.example.com/v1#hunter2",
    ],
)
def test_an_address_that_may_hold_a_password_is_refused_without_repeating_it(
    tmp_path: Path, address: str
) -> None:
    problems = _broken(tmp_path, SOUND.replace("http://127.0.0.1:8000/v1", f'"{address}"'))
    assert "an address holds no user, query or fragment" in problems
    assert "hunter2" not in problems
