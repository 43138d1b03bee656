"""Write docs/reference/ and llms.txt from the code; a test fails when they are stale."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import click
import msgspec

from koipond import hooks
from koipond.cli.schemas import event_schemas, write_json
from koipond.kernel.errors import DomainError
from koipond.kernel.events import Event
from koipond.settings import shape as settings
from koipond_sdk import views

# Run as a program or read by a test: what stands beside this file is found either way.
sys.path.insert(0, str(Path(__file__).parent))
from indexing import index
from samples import command_sample, default_of, error_sample, event_sample, setting_sample

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
WRITTEN = "Written by `make docs` from the code; do not edit."
# What an environment variable can hold.
PLAIN = {str, int, float, bool}


class Undocumented(Exception):
    """Names that a reader would find without a word about them."""


def main() -> None:
    """Write every page."""
    for path, text in pages().items():
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written: {path}\n")


def pages() -> dict[str, str]:
    """Return {path: text}. Raises Undocumented, naming all that lack a word or an example."""
    import_everything()
    missing: list[str] = []
    made = {
        "hooks.md": page("Hooks", hooks_page(missing)),
        "events.md": page("Events", events_page(missing)),
        "errors.md": page("Error codes", errors_page(missing)),
        "settings.md": page("Settings", settings_page(missing)),
        "views.md": page("Views", views_page(missing)),
        "cli.md": page("Command line", cli_page(missing)),
        **event_files(),
    }
    if missing:
        raise Undocumented("without a word of documentation:\n  " + "\n  ".join(missing))
    reference = {f"docs/reference/{name}": text for name, text in made.items()}
    return {**reference, "llms.txt": index(ROOT, reference)}


def page(title: str, lines: Iterable[str]) -> str:
    """Put a page together."""
    return "\n".join([f"# {title}", "", WRITTEN, "", *lines]).rstrip() + "\n"


def import_everything() -> None:
    """Import all of core and of the plugins beside it, so that every subclass is there."""
    for package in packages():
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            importlib.import_module(found.name)


def packages() -> list[str]:
    """Return core and each plugin of this workspace, by the name that is imported."""
    plugins = ROOT.glob("plugins/*/src/*/plugin.toml")
    return ["koipond", *sorted(file.parent.name for file in plugins)]


def hooks_page(missing: list[str]) -> Iterator[str]:
    """Say of each hook how it is called and when, in the order of hooks.py."""
    yield (
        "What a plugin may implement, in the order of a purchase. An implementation takes the "
        "arguments that it needs, by their names. The examples are those of "
        "[docs/examples/hooks.py](../examples/hooks.py), with all that they need."
    )
    examples = functions(EXAMPLES / "hooks.py")
    for name, spec in vars(hooks).items():
        declared = getattr(spec, "koi_declared", None)
        if declared is None:
            continue
        yield f"\n## {name}\n"
        define = "async def" if inspect.iscoroutinefunction(spec) else "def"
        yield f"```python\n{define} {name}{inspect.signature(spec)}\n```\n".replace("'", "")
        deadline = f", deadline {declared.deadline_s:g} s" if define == "async def" else ""
        yield f"Kind `{declared.kind}`, since {declared.since}{deadline}.\n"
        yield words(spec, f"hook {name}", missing)
        yield shown(
            examples.get(name), f"example of hook {name} in docs/examples/hooks.py", missing
        )


def events_page(missing: list[str]) -> Iterator[str]:
    """Say of each event what it tells, per package."""
    yield (
        "Facts that the outbox keeps, in the order of their aggregate. What webhooks and brokers "
        "are told of them is described by the JSON Schemas in [events/](events/)."
    )
    for package, events in by_package(subclasses(Event)):
        yield f"\n## {package}"
        for event in events:
            fields = listed(get_type_hints(event), msgspec.structs.fields(event))
            yield f"\n### {event.name()}\n"
            yield words(event, f"event {event.name()}", missing)
            yield f"\nVersion {event.version}, one of each `{event.aggregate}`: {fields}.\n"
            yield f"```json\n{event_sample(event)}\n```"


def event_files() -> dict[str, str]:
    """Return {events/NAME.json: the JSON Schema of what others are told of an event}."""
    found = event_schemas(core_only=False)
    return {f"events/{name}.json": write_json(one) for name, one in found.items()}


def errors_page(missing: list[str]) -> Iterator[str]:
    """Say of each refusal when it comes, per package, by code."""
    yield (
        "Each is a type of the GraphQL interface `UserError`: nothing was changed. Examples: "
        "what a mutation may answer in `userErrors`, to who asks for all of it."
    )
    for package, errors in by_package(subclasses(DomainError)):
        rows = [
            [
                f"`{error.code}`",
                f"`{error.__name__}`",
                listed(get_type_hints(error), dataclasses.fields(error)),
                words(error, f"error {error.__name__}", missing),
                f"`{error_sample(error)}`",
            ]
            for error in sorted(errors, key=lambda error: error.code)
        ]
        yield from table(package, ["code", "type", "fields", "means", "example"], rows)


def settings_page(missing: list[str]) -> Iterator[str]:
    """Say of each setting what the comment above it says."""
    yield "Read from `koi.toml`, then from environment variables: what is read later wins."
    comments = comments_above(settings)
    for struct in structs(settings):
        rows = []
        for field in msgspec.structs.fields(struct):
            name = f"{struct.__name__}.{field.name}"
            if name not in comments:
                missing.append(f"setting {name}: write a comment above it")
            from_outside = struct is settings.Settings and field.type in PLAIN
            variable = f"`KOI_{field.name.upper()}`" if from_outside else ""
            said = msgspec.json.encode(msgspec.to_builtins(default_of(field))).decode()
            default = "none: must be given" if field.required else f"`{said}`"
            example = f"`{setting_sample(struct, field.name)}`"
            rows.append([f"`{field.name}`", variable, default, comments.get(name, ""), example])
        heads = ["setting", "variable", "default", "means", "example"]
        yield from table(struct.__name__, heads, rows)


def views_page(missing: list[str]) -> Iterator[str]:
    """Say of each view what a row is, and of each column what it means."""
    examples = functions(EXAMPLES / "views.py")
    yield (
        "Made by core's migrations on both databases, for reports and joins: read-only, with ids "
        "and without anything by which a person is known. Amounts are whole minor units of the "
        "currency beside them, times are UTC. Within one version columns are only added.\n\n"
        "A plugin reads them as Tables: `from koipond_sdk import views`, "
        "`select(views.order.c.total_minor)`."
    )
    for name in views.__all__:
        view = getattr(views, name)
        missing += [f"view {view.name}"] if not view.comment else []
        missing += [f"column {view.name}.{one.name}" for one in view.c if not one.comment]
        rows = [[f"`{one.name}`", repr(one.type), one.comment or ""] for one in view.c]
        yield f"\n## {view.name}\n\n{view.comment or ''}"
        yield from table("", ["column", "type", "means"], rows)
        yield shown(examples.get(f"ask_{name}"), f"ask_{name} in docs/examples/views.py", missing)


def cli_page(missing: list[str]) -> Iterator[str]:
    """Say of each command what its help says."""
    from koipond.cli import koi

    yield "`koi --help` and `koi COMMAND --help` say the same."
    for path, command in commands(koi, ("koi",)):
        usage = " ".join([*path, *(parameter_usage(one) for one in command.params)])
        if not command.help:
            missing.append(f"command {' '.join(path)}")
        yield f"\n## {' '.join(path)}\n\n```sh\n{usage}\n```\n"
        yield inspect.cleandoc(command.help or "")
        options = [one for one in command.params if isinstance(one, click.Option)]
        missing += [f"option {' '.join(path)} {one.opts[0]}" for one in options if not one.help]
        rows = [
            [f"`{', '.join(one.opts)}`", option_default(one), one.help or ""] for one in options
        ]
        if rows:
            yield from table("", ["option", "default", "means"], rows)
        yield f"\nFor example:\n\n```sh\n{command_sample(path, command)}\n```"


def commands(group: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Return (path, command) for each that does something, sorted."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    for name in sorted(group.commands):
        yield from commands(group.commands[name], (*path, name))


def parameter_usage(parameter: click.Parameter) -> str:
    """Write an option or argument as a usage line has it."""
    if isinstance(parameter, click.Option):
        value = (
            ""
            if parameter.is_flag
            else f" {parameter.make_metavar(click.Context(click.Command('')))}"
        )
        text = f"{parameter.opts[0]}{value}"
    else:
        text = (parameter.name or "").upper()
    return text if parameter.required else f"[{text}]"


def option_default(option: click.Option) -> str:
    """Write what an option is when it is left out, where that is a value."""
    if isinstance(option.show_default, str):
        return option.show_default
    default = option.get_default(click.Context(click.Command("")))
    return f"`{default}`" if isinstance(default, str | int) and not option.is_flag else ""


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write a table with its heading."""
    if title:
        yield f"\n## {title}"
    yield ""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        yield f"| {' | '.join(cells)} |"


def words(thing: Any, name: str, missing: list[str]) -> str:
    """Return the docstring of a class or function; notes the name if there is none."""
    text = inspect.cleandoc(thing.__doc__ or "")
    # A dataclass without a docstring is given its signature for one.
    if not text or text.startswith(f"{thing.__name__}("):
        missing.append(name)
    return text


def shown(source: str | None, name: str, missing: list[str]) -> str:
    """Return an example as a block; notes the name if there is none."""
    if source is None:
        missing.append(name)
    return f"\n```python\n{source}\n```"


def functions(file: Path) -> dict[str, str]:
    """Return {name: source} of the functions of a file, with what decorates them."""
    source = file.read_text(encoding="utf-8")
    lines = source.splitlines()
    return {
        node.name: "\n".join(
            lines[
                min([node.lineno, *(one.lineno for one in node.decorator_list)])
                - 1 : node.end_lineno
            ]
        )
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def listed(hints: dict[str, Any], fields: Iterable[Any]) -> str:
    """Write fields as `name: type`, separated by commas."""
    return ", ".join(f"`{field.name}: {type_name(hints[field.name])}`" for field in fields)


def type_name(kind: Any) -> str:
    """Write a type as a reader of Python knows it."""
    named = hasattr(kind, "__supertype__") or inspect.isclass(kind)
    return kind.__name__ if named else str(kind).replace("typing.", "")


def structs(module: ModuleType) -> list[Any]:
    """Return the Structs that a module declares, the last first: what holds the others."""
    own = [one for one in vars(module).values() if inspect.isclass(one)]
    return [one for one in reversed(own) if one.__module__ == module.__name__ and is_struct(one)]


def is_struct(cls: type) -> bool:
    """Tell whether a class is a Struct."""
    return issubclass(cls, msgspec.Struct)


def comments_above(module: ModuleType) -> dict[str, str]:
    """Return {"Class.field": the comment lines right above it} of every class of a module."""
    source = inspect.getsource(module)
    lines = [line.strip() for line in source.splitlines()]
    found = {}
    for cls in (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        for field in (node for node in cls.body if isinstance(node, ast.AnnAssign)):
            above = lines[: field.lineno - 1]
            start = len(above)
            while start and above[start - 1].startswith("#"):
                start -= 1
            if above[start:]:
                text = " ".join(line.removeprefix("#").strip() for line in above[start:])
                found[f"{cls.name}.{ast.unparse(field.target)}"] = text
    return found


def subclasses(of: type) -> list[Any]:
    """Return every class below `of` that has none below itself and belongs to this workspace."""
    found: set[type] = set()
    queue: list[Any] = list(of.__subclasses__())
    while queue:
        cls = queue.pop()
        queue += cls.__subclasses__()
        if cls.__module__.partition(".")[0] in packages():
            found.add(cls)
    return sorted(found, key=lambda cls: cls.__name__)


def by_package(classes: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Return (package, its classes), core first."""
    for package in packages():
        own = [cls for cls in classes if cls.__module__.partition(".")[0] == package]
        if own:
            yield package, own


if __name__ == "__main__":
    main()
