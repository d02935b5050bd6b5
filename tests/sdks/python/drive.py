"""A program of somebody, made with the `plivo` package: does what stdin says, line by line, and tells what came of it.

`{"call": "calls.play", "with": [...], "and": {...}}` in, `{"ok": ...}` or `{"error", "kind"}` out. It knows nothing of
where the server is.
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")

import plivo  # noqa: E402

client = plivo.RestClient(*sys.argv[1:3])


def plain(value):
    """Returns an answer of the package as JSON types."""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name != "client"}
    return plain(vars(value)) if hasattr(value, "__dict__") else value


for line in sys.stdin:
    asked = json.loads(line)
    operation = client
    for name in asked["call"].split("."):
        operation = getattr(operation, name)
    try:
        said = {"ok": plain(operation(*asked["with"], **asked["and"]))}
    except plivo.exceptions.PlivoRestError as error:
        said = {"error": str(error), "kind": type(error).__name__}
    print(">", json.dumps(said, default=str), flush=True)
