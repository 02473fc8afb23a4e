"""CPU per item: the whole engine over a bare aiohttp loop, same server, same requests.

Interleaved, each run a fresh process, CPU by getrusage with all threads, imports excluded; the
median of the runs. Prints a table with the bars of the design beside the figures, and JSON.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from batch_ai_assets.engine.inference.request import RequestTemplate
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets_tests.engine.world import make_job, message

ITEMS, RUNS = 10_000, 5
CASES = ((64, 0), (256, 0), (64, 50), (256, 50))
"""(calls in flight, latency of the server in ms)."""
BAR = 1.3


def bodies() -> bytes:
    """The requests the engine sends for the same documents, a line each."""
    import hashlib

    template = RequestTemplate(make_job(Path("/")))
    texts = (message(number)["text"].strip() for number in range(ITEMS))
    return b"".join(
        template.body(text, hashlib.sha256(text.encode()).digest()) + b"\n" for text in texts
    )


def run(module: str, *arguments: object, stdin: bytes = b"") -> float:
    """CPU microseconds per item of one run in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=600)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["answered"] == ITEMS, found
    return float(found["cpu_seconds"]) / ITEMS * 1e6


def main() -> None:
    requests = bodies()
    rows = []
    print("in flight  latency   bare loop      engine   ratio   bar")
    for in_flight, latency in CASES:
        bare, engine = [], []
        for _ in range(RUNS):
            with LocalProvider(ServerOptions(model="stub", latency_ms=latency)) as server:
                bare.append(run("bare_loop", server.base_url, in_flight, stdin=requests))
                engine.append(run("whole_engine", server.base_url, in_flight, ITEMS))
        ours, reference = statistics.median(engine), statistics.median(bare)
        rows.append({"in_flight": in_flight, "latency_ms": latency, "bare_us": reference,
                     "engine_us": ours, "ratio": ours / reference, "bar": BAR})
        print(f"{in_flight:9}  {latency:4} ms  {reference:6.1f} µs  {ours:7.1f} µs"
              f"  {ours / reference:6.2f}  {BAR:4}", flush=True)
    target = Path(tempfile.gettempdir()) / "bench_hot_path.json"
    target.write_text(json.dumps(rows, indent=2))
    print(f"as JSON: {target}")


if __name__ == "__main__":
    main()
