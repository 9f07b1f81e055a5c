"""Concatenates many small JSON files, which is faster than any of the compared readers on them.

It uses one process per core. Threads would wait for each other, because most of the time is spent in
the interpreter.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def listed(folder):
    """Returns the folders and the JSON files in a folder."""
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.name.endswith(".json"):
                files.append(entry.path)
    return folders, files


def read(path):
    with open(path, "rb", buffering=0) as file:
        return file.read()


def parts(folder):
    folders, files = listed(folder)
    yield from map(read, files)
    for inner in folders:
        yield from parts(inner)


def tree(folder):
    return b"\n".join(parts(folder))


def joined(folder):
    """Returns the lines of every file below a folder. Call it before an engine starts threads."""
    folders, files = listed(folder)
    with ProcessPoolExecutor(os.cpu_count(), get_context("fork")) as pool:
        trees = pool.map(tree, folders)
        return b"\n".join([*map(read, files), *trees])
