"""Measures starlift and the other tools on the same data, and checks that they write the same star.

Each run is a separate process, so that start-up time counts. The runs of the tools are interleaved, so
that noise affects all of them equally. Prints Markdown. Stops at the first run that fails or whose star
differs from that of starlift.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from datetime import date
from importlib.metadata import version

import timed

# Import only the standard library and load no data in this process: the peak memory of a child is at least
# the memory of its parent at the time of the fork.

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {"duckdb": "DuckDB", "polars": "Polars", "chdb": "chDB", "datafusion": "DataFusion"}


# Each tool has a script that was tuned for these data, and one as its users write it: the readers of the tool,
# and plain queries. Spark has only the former.
SCRIPTS = {"tuned": HERE, "usual": os.path.join(HERE, "usual")}


def scripts(name):
    """Yields the kinds of the scripts of a tool, and their paths."""
    for kind, folder in SCRIPTS.items():
        path = os.path.join(folder, f"{name.lower()}_star.py")
        if os.path.exists(path):
            yield kind, path


def tools(starlift, spark):
    """Yields the name and version of each tool and script, and a function that returns its command."""
    printed = subprocess.run([starlift, "--version"], check=True, capture_output=True, text=True)
    yield (
        f"starlift {printed.stdout.split()[1]}",
        lambda songs, logs, star: [
            *(starlift, "transform", "--songs", songs, "--logs", logs, "--out", star)
        ],
    )
    for package, name in {**PEERS, **({"pyspark": "Spark"} if spark else {})}.items():
        for kind, script in scripts(name):
            yield (
                f"{name} {version(package)}, {kind}",
                lambda songs, logs, star, script=script: [
                    *(sys.executable, script, songs, logs, star)
                ],
            )


def facts(star):
    command = [sys.executable, os.path.join(HERE, "check.py"), star]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def compare(tool, found, expected):
    if different := [name for name in expected if found.get(name) != expected[name]]:
        lines = [f"  {name}: {found.get(name)}, not {expected[name]}" for name in different]
        sys.exit("\n".join([f"the star of {tool} differs from that of starlift:", *lines]))


def measure(data, measured, rounds, scratch):
    songs, logs = os.path.join(data, "song_data"), os.path.join(data, "log_data")
    star = os.path.join(scratch, "star")
    runs = {tool: [] for tool, _ in measured}
    expected = None
    # The first round is a warm-up: it brings the data and the programs into the page cache.
    for number in range(rounds + 1):
        for tool, command in measured:
            shutil.rmtree(star, ignore_errors=True)
            # Flush the output of the previous run, so that it is not flushed during this one.
            os.sync()
            usage = timed.run(command(songs, logs, star))
            found = facts(star)
            expected = expected or found
            compare(tool, found, expected)
            if number > 0:
                runs[tool].append({"seconds": usage.seconds, "bytes": usage.peak_bytes})
            label = f"round {number}" if number else "warm-up"
            figures = f"{usage.seconds:.2f} s, {usage.peak_bytes / 1e6:.0f} MB"
            print(f"{label}: {tool}: {figures}", file=sys.stderr)
    shutil.rmtree(star)
    return runs, expected


def size(folder):
    sizes = [
        os.path.getsize(os.path.join(inner, name))
        for inner, _, names in os.walk(folder)
        for name in names
    ]
    return f"{len(sizes):,} files of {sum(sizes) / 1e6:,.1f} MB"


def machine():
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB of memory, "
        f"{date.today().isoformat()}"
    )


def markdown(runs):
    def median(tool):
        return statistics.median(run["seconds"] for run in runs[tool])

    starlift = next(iter(runs))
    lines = ["| tool | median | to starlift | peak memory |", "| --- | ---: | ---: | ---: |"]
    for tool in sorted(runs, key=median):
        ratio = median(tool) / median(starlift)
        memory = max(run["bytes"] for run in runs[tool]) / 1e6
        lines.append(f"| {tool} | {median(tool):.2f} s | {ratio:.2f} | {memory:,.0f} MB |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--starlift", required=True, help="the binary")
    parser.add_argument("--scratch", required=True, help="folder to write stars in")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spark", action="store_true", help="measure Spark as well")
    parser.add_argument("--json", metavar="FILE", help="write every run here as well")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")

    measured = list(tools(options.starlift, options.spark))
    report = {"machine": machine(), "rounds": options.rounds, "data": {}}
    print(report["machine"])
    for data in options.data:
        name, folder = data.split("=", 1)
        runs, star = measure(folder, measured, options.rounds, options.scratch)
        songs, logs = (size(os.path.join(folder, part)) for part in ("song_data", "log_data"))
        print(f"\n{name}: songs in {songs}, logs in {logs}; ", end="")
        print(f"{star['songplays']:,} plays, {star['matched plays']:,} of them matched\n")
        print(markdown(runs), flush=True)
        report["data"][name] = {"songs": songs, "logs": logs, "star": star, "runs": runs}
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
