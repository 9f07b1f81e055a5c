"""Reads what starlift writes for other programs, with their own libraries. Prints JSON, or fails.

documents.py schema SCHEMA   validates the JSON document on standard input
documents.py toml SCHEMA     validates the TOML file on standard input
documents.py metrics         prints the metrics on standard input
documents.py junit FILE      prints the test cases of a JUnit report
"""

import json
import sys
import tomllib


def strict(schema):
    """Returns the schema with properties that it does not declare forbidden, so that tests find them."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(value) for key, value in schema.items()}
    if "required" in schema:
        schema["additionalProperties"] = False
    return schema


def validate(instance, path):
    import jsonschema

    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    formats = validator.FORMAT_CHECKER
    problems = list(validator(strict(schema), format_checker=formats).iter_errors(instance))
    for problem in problems:
        details = [error.message for error in problem.context or []]
        print(problem.json_path, problem.message[:2000], details[:40], file=sys.stderr)
    sys.exit(1 if problems else 0)


def metrics(text):
    from prometheus_client.parser import text_string_to_metric_families

    families = {}
    for family in text_string_to_metric_families(text):
        if not family.documentation or family.type not in ("gauge", "counter"):
            sys.exit(f"{family.name}: {family.type}, {family.documentation!r}")
        for sample in family.samples:
            families.setdefault(sample.name, []).append({"labels": sample.labels, "value": sample.value})
    return families


def junit(path):
    from junitparser import JUnitXml

    report = JUnitXml.fromfile(path)
    cases = []
    for suite in report:
        if suite.tests != len(list(suite)):
            sys.exit(f"{suite.tests} tests, but {len(list(suite))} test cases")
        for case in suite:
            results = [
                {"kind": type(result).__name__, "message": result.message, "type": result.type, "text": result.text}
                for result in case.result
            ]
            cases.append({"name": case.name, "class": case.classname, "time": case.time, "results": results})
    counts = {"tests": report.tests, "failures": report.failures, "errors": report.errors}
    return {**counts, "skipped": sum(suite.skipped for suite in report), "cases": cases}


if __name__ == "__main__":
    kind = sys.argv[1]
    if kind == "schema":
        validate(json.load(sys.stdin), sys.argv[2])
    elif kind == "toml":
        validate(tomllib.loads(sys.stdin.read()), sys.argv[2])
    elif kind == "metrics":
        print(json.dumps(metrics(sys.stdin.read())))
    else:
        print(json.dumps(junit(sys.argv[2])))
