"""`batch-ai watch`: look at every deadline and window once, as the sensor `watch` does."""

from __future__ import annotations

import click

from batch_ai_assets.commands.streams import output


@click.command("watch")
def watch() -> None:
    """Look once at every unfinished batch, its deadline, and windows without a batch.

    For a cron line where no daemon runs, and to watch the daemon itself. Alerts are opened and
    sent, consumers are told. Exit code 0, whatever it finds.
    """
    from batch_ai_assets.alert_delivery import deliver
    from batch_ai_assets.commands.dagster_seam import open_instance
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.consumer_delivery import tell_consumers
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.engine.watching import watch as look
    from batch_ai_assets.settings import settings
    from batch_ai_assets.signs_of_life import look_for_silence

    jobs = load_registry(settings().registry, prove_rules=False).jobs
    with open_deps() as deps:
        said = look(jobs, deps)
        said += tell_consumers(jobs, deps).lines
        with open_instance(str(settings().dagster_home)) as instance:
            said += look_for_silence(instance, jobs, deps)
        delivery = deliver(deps.store)
    for line in said:
        output().print(line, markup=False)
    if not said:
        output().print("Every batch is in time.")
    if delivery.sent or delivery.refused:
        output().print(f"Alerts: {delivery.words}")
