"""Measures two builds of starlift in turn; called by ../perf-check.sh."""

import os
import shutil
import statistics
import sys
from pathlib import Path

import timed

ROUNDS = int(os.environ.get("STARLIFT_PERF_ROUNDS", "7"))
LIMIT = float(os.environ.get("STARLIFT_PERF_LIMIT", "5"))


def run(program, *args):
    """Runs a command and returns its elapsed time and its processor time in seconds."""
    usage = timed.run([program, *map(str, args)])
    return usage.seconds, usage.processor_seconds


def inputs(data):
    return "--songs", data / "song_data", "--logs", data / "log_data", "--max-rejects", "100%", "--quiet"


class Transform:
    """A transform of a whole folder."""

    def __init__(self, data):
        self.data = data

    def measure(self, program, folder):
        return run(program, "transform", *inputs(self.data), "--out", folder / "star")


class NewDay:
    """An incremental transform that finds one new log."""

    OPTIONS = ("--incremental", "--partition", "day")

    def __init__(self, data, scratch):
        self.data = scratch / "days"
        shutil.copytree(data, self.data)
        logs = sorted(self.data.glob("log_data/**/*.json"))
        self.last, self.aside = logs[-1], scratch / "last.json"
        # An object that was modified just before it is listed would be read again.
        for path in self.data.glob("**/*.json"):
            os.utime(path, (1_500_000_000, 1_500_000_000))
        self.bases = {}

    def base(self, program, folder):
        """Returns the star without the last log. Each build has its own, because versions do not share state."""
        if program not in self.bases:
            os.rename(self.last, self.aside)
            base = folder.parent / f"base{len(self.bases)}"
            run(program, "transform", *inputs(self.data), *self.OPTIONS, "--out", base)
            os.rename(self.aside, self.last)
            self.bases[program] = base
        return self.bases[program]

    def measure(self, program, folder):
        shutil.copytree(self.base(program, folder), folder / "star")
        return run(program, "transform", *inputs(self.data), *self.OPTIONS, "--out", folder / "star")


class Queries:
    """Analytics queries on one star."""

    NAMES = ("most_played_songs", "activity_by_hour", "session_length_by_user")

    def __init__(self, data, program, scratch):
        self.star = scratch / "queried"
        run(program, "transform", *inputs(data), "--out", self.star)

    def measure(self, program, folder):
        times = [run(program, "query", name, "--star", self.star) for name in self.NAMES]
        return tuple(map(sum, zip(*times)))


def main(old, new, scratch):
    scratch = Path(scratch)
    events, small = scratch / "events", scratch / "small"
    workloads = {
        "events": Transform(events),
        "small files": Transform(small),
        "new day": NewDay(events, scratch),
        "queries": Queries(events, old, scratch),
    }
    print("| workload | old | new | ratio | processor time, old | new |\n| --- |" + " ---: |" * 5)
    slower = []
    for name, workload in workloads.items():
        times = {"old": [], "new": []}
        for turn in range(ROUNDS + 1):
            order = [("old", old), ("new", new)]
            for label, program in order if turn % 2 else reversed(order):
                folder = scratch / "out"
                folder.mkdir()
                times[label].append(workload.measure(program, folder))
                shutil.rmtree(folder)
        # The first round warms up the page cache.
        wall, cpu = ({label: [t[i] for t in of[1:]] for label, of in times.items()} for i in (0, 1))
        ratio = statistics.median(n / o for o, n in zip(wall["old"], wall["new"]))
        figures = [statistics.median(of[label]) for of in (wall, cpu) for label in ("old", "new")]
        print("| {} | {:.3f} s | {:.3f} s | {:.3f} | {:.3f} s | {:.3f} s |".format(name, *figures[:2], ratio, *figures[2:]))
        sys.stdout.flush()
        if ratio > 1 + LIMIT / 100:
            slower.append(name)
    if slower:
        sys.exit(f"more than {LIMIT:g} % slower: {', '.join(slower)}")


main(*sys.argv[1:])
