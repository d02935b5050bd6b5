"""Who may import whom. The shape of the architecture, kept by reading every import of the package.

- `core` imports nobody: of the standard library only what has no clock, socket, thread or randomness.
- `exchange`, `sip`, `media`, `stores` and `observe` import `core` and `exchange.ports`; only `exchange` sees the rest
  of `exchange`. What `stores` and `exchange` have for each other is handed over by `app`; both make lines of facts, and
  what such a line says is in `exchange.entries`.
- `flows` and `console` import `exchange`, `core` and `settings`.
- A dialect imports `exchange`, `core` and `settings`, never another dialect. One addition: a PHLO is a Plivo dialect
  that walks a graph, so `dialects.plivo` may import `flows`.
- `settings` is the typed configuration: values without behaviour. Who decides by what the configuration declares
  (`exchange`, `flows`, the dialects) reads it; the engines (`sip`, `media`, `stores`, `observe`) are told by `app`.
- `http` is the one port that serves the routes of all dialects, which `app` hands to it.
- `lab` may import all. `app`, `commands` and `cli` connect everything; `figures` reads them for `/metrics`, `audio`
  starts the audio processes ahead of the rest. Nobody else imports those three, or `http`. `warming` imports by name
  what they need later.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import switchhook

ROOT = Path(switchhook.__file__).parent
ALL = "*"

# layer -> what it may import besides itself
RULES: dict[str, set[str]] = {
    "core": set(),
    "exchange": {"core", "settings"},
    "sip": {"core", "descriptors", "exchange.ports"},
    "media": {"core", "exchange.ports"},
    "stores": {"core", "exchange.ports", "exchange.entries"},
    "observe": {"core", "exchange.ports"},
    "flows": {"core", "exchange", "settings"},
    "console": {"core", "exchange", "settings"},
    "dialects.plivo": {"core", "exchange", "flows", "settings"},
    "dialects.genesys": {"core", "exchange", "settings"},
    "dialects.native": {"core", "exchange", "settings"},
    "settings": {"core.errors", "core.values", "exchange.ports"},
    "http": {"core", "exchange.ports", "http_connections", "observe", "settings"},
    "http_connections": {"descriptors"},
    "descriptors": set(),
    "figures": {"app", "sip"},
    "audio": {"media", "settings"},
    "warming": {"core"},
    "lab": {ALL},
    "app": {ALL},
    "commands": {ALL},
    "cli": {ALL},
    "__main__": {"cli"},
}
NOBODY_IMPORTS = {"app", "cli", "commands", "http"}
CONNECTORS = {"app", "audio", "cli", "commands", "figures", "lab", "__main__"}

# What the pure core may take from the standard library.
PURE = {"__future__", "abc", "bisect", "collections", "dataclasses", "enum", "functools", "heapq", "itertools", "math"}
PURE |= {"operator", "re", "reprlib", "string", "sys", "types", "typing", "typing_extensions", "urllib.parse"}
# What the sans-IO halves may not import; their sockets live in the files named in the architecture.
IO = {"asyncio", "socket", "ssl", "select", "selectors", "threading", "multiprocessing", "subprocess", "time"}
SIP_WITH_IO = {"sockets", "datagrams", "connection", "ages", "resolver", "line", "ticking", "lateness"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


@cache
def package() -> dict[str, tuple[tuple[str, int], ...]]:
    """Every module of the package and what it imports."""
    return {module: tuple(imports(path, module)) for module, path in modules() if module}


def imports(path: Path, module: str) -> Iterator[tuple[str, int]]:
    """Every imported module by its whole name, imports inside of functions included."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ["switchhook", *package.split(".")] if package else ["switchhook"]
                base = ".".join([*above[: len(above) - node.level + 1], *([base] if base else [])])
            # `from switchhook import sip` imports the module switchhook.sip
            names = [alias.name for alias in node.names] if base in ("switchhook", "switchhook.exchange") else []
            found = [f"{base}.{name}" for name in names if _is_module(f"{base}.{name}")]
            yield from ((name, node.lineno) for name in found or [base])


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").exists()


def layer_of(module: str) -> str:
    first, _, rest = module.partition(".")
    return f"dialects.{rest.partition('.')[0]}" if first == "dialects" and rest else first


def allowed(layer: str, wanted: str) -> bool:
    """May a module of `layer` import `wanted` (without `switchhook.`)?"""
    if not wanted or layer_of(wanted) == layer:
        return True  # `import switchhook` is the version
    if layer_of(wanted) in NOBODY_IMPORTS and layer not in CONNECTORS:
        return False
    rules = RULES[layer]
    return ALL in rules or any(wanted == rule or wanted.startswith(rule + ".") for rule in rules)


def trespasses(module: str, found: Iterable[tuple[str, int]]) -> list[str]:
    layer = layer_of(module)
    wrong = []
    for name, line in found:
        if name.partition(".")[0] == "switchhook" and not allowed(layer, name.partition(".")[2]):
            wrong.append(f"{module}:{line} imports {name}")
    return wrong


@pytest.mark.slow
def test_every_import_stays_within_its_layer() -> None:
    wrong = []
    for module, found in package().items():
        if layer_of(module) in RULES:
            wrong += trespasses(module, found)
    assert wrong == []


def test_every_module_belongs_to_a_layer_with_a_rule() -> None:
    unknown = {layer_of(module) for module in package() if module != "dialects"} - RULES.keys()
    assert unknown == set(), "give the new part a line in RULES, and say at the top of this file what it may see"


def test_the_core_takes_only_pure_parts_of_the_standard_library() -> None:
    wrong = [
        f"{module}:{line} imports {name}"
        for module, found in package().items()
        if layer_of(module) == "core"
        for name, line in found
        if name.partition(".")[0] != "switchhook" and name not in PURE and name.partition(".")[0] not in PURE
    ]
    assert wrong == []


def test_only_the_named_files_of_sip_do_input_and_output() -> None:
    wrong = [
        f"{module}:{line} imports {name}"
        for module, found in package().items()
        if layer_of(module) == "sip" and module.rpartition(".")[2] not in SIP_WITH_IO
        for name, line in found
        if name.partition(".")[0] in IO
    ]
    assert wrong == []


@pytest.mark.slow
def test_only_declared_packages_are_imported() -> None:
    """A module that happens to be installed here may be absent at the user's."""
    import tomllib
    from importlib.metadata import packages_distributions

    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    declared = {_bare(each) for each in named} | {"pytest", "typing-extensions"}  # the plugin runs inside pytest
    owners = packages_distributions()
    wrong = []
    for module, found in package().items():
        if module.startswith("lab.behind"):
            continue  # runs in the user's program, with the user's packages
        for name, line in found:
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top == "switchhook":
                continue
            if not {_bare(owner) for owner in owners.get(top, [])} & declared:
                wrong.append(f"{module}:{line} imports {name}")
    assert wrong == []


def _bare(requirement: str) -> str:
    name = requirement
    for mark in "[<>=!~; ":
        name = name.partition(mark)[0]
    return name.strip().lower().replace("_", "-")


@pytest.mark.parametrize(
    ("layer", "wanted", "may"),
    [
        ("core", "core.model", True),
        ("core", "exchange.ports", False),
        ("sip", "exchange.ports", True),
        ("sip", "exchange.runner", False),
        ("sip", "media.rtp", False),
        ("stores", "observe.logs", False),
        ("exchange", "sip.dialogs", False),
        ("dialects.plivo", "flows.walk", True),
        ("dialects.genesys", "flows.walk", False),
        ("dialects.genesys", "dialects.plivo.views", False),
        ("dialects.plivo", "stores.reading", False),
        ("dialects.plivo", "settings", True),
        ("sip", "settings", False),
        ("media", "settings.tree", False),
        ("flows", "dialects.plivo", False),
        ("observe", "stores.reading", False),
        ("lab", "sip.message", True),
        ("exchange", "app", False),
        ("media", "commands.serve", False),
        ("commands", "app", True),
        ("dialects.genesys", "http", False),
        ("core", "corelike", False),
    ],
)
def test_the_rules_say_what_the_architecture_says(layer: str, wanted: str, may: bool) -> None:
    assert allowed(layer, wanted) is may


def test_a_trespass_is_found_in_every_way_of_writing_it(tmp_path: Path) -> None:
    ways = [
        "import switchhook.sip.message",
        "from switchhook.sip import message",
        "from switchhook import sip",
        "from ..sip import message",
        "def late():\n    import switchhook.sip",
    ]
    for way in ways:
        file = tmp_path / "step.py"
        file.write_text(way)
        assert trespasses("core.step", imports(file, "core.step")), way
    ports = tmp_path / "sockets.py"
    ports.write_text("from switchhook.exchange import ports\nfrom switchhook.exchange.ports import Entry")
    assert trespasses("sip.sockets", imports(ports, "sip.sockets")) == []
