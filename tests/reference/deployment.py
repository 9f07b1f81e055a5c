"""Prints the arguments of starlift in the files of `deploy`, one JSON array per line."""

import json
import pathlib
import sys

import yaml


def of_kubernetes(documents):
    for document in documents:
        template = document.get("spec", {}).get("template", {}) if document else {}
        for container in template.get("spec", {}).get("containers", []):
            yield container["args"]


def of_compose(document):
    for service in document["services"].values():
        command = service["command"]
        if "entrypoint" in service:
            # A line of a shell: the words after the name of the program.
            words = command[0].replace('"$$(hostname -i)"', "10.0.0.1").split()
            command = words[words.index("starlift") + 1 :]
        yield command


folder = pathlib.Path(sys.argv[1])
for path in sorted(folder.glob("kubernetes/*.yaml")):
    for arguments in of_kubernetes(yaml.safe_load_all(path.read_text())):
        print(json.dumps(arguments))
for arguments in of_compose(yaml.safe_load((folder / "compose.yaml").read_text())):
    print(json.dumps(arguments))
