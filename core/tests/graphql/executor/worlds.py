"""Random schemas, and objects whose fields answer as a seed says: soundly, or not at all.

The same object asked for the same field answers the same, so that two executors can be compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Annotated, Any, Union

import strawberry
from msgspec import Struct

from koipond.graphql.private import core_schema
from koipond.kernel.schema import batch

# How often a value is not what the schema says: null, raised, of another type.
_UNSOUND = 0.06


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Boom(Exception):
    """Raised by what a world holds."""


class Kind(Struct, frozen=True):
    """A type: a leaf, the name of an object or abstract type, or a list of another kind."""

    of: str | Kind
    may_be_null: bool

    @property
    def named(self) -> str:
        """Return the type inside of all lists."""
        return self.of if isinstance(self.of, str) else self.of.named


class Field(Struct, frozen=True):
    """A field, how it is resolved, and whether it always raises."""

    name: str
    kind: Kind
    way: str
    raises: bool
    has_argument: bool


class World:
    """A random schema and its objects."""

    def __init__(self, seed: int) -> None:
        self._random = random = Random(seed)
        self.seed = seed
        self.leaves = {
            "String": str,
            "Int": int,
            "Float": float,
            "Boolean": bool,
            "ID": strawberry.ID,
            "Colour": strawberry.enum(Colour),
        }
        names = [f"Type{n}" for n in range(random.randint(2, 4))]
        self.objects: dict[str, list[Field]] = {}
        # {abstract type: the object types that it may be}
        self.abstract = {"Face": names[: random.randint(1, len(names))], "Either": names[:2]}
        self.face = [self._field(f"face{n}", ["attribute"], []) for n in range(2)]
        for name in names:
            own = [self._field(f"field{n}", _WAYS, names) for n in range(random.randint(3, 6))]
            self.objects[name] = [*(self.face if name in self.abstract["Face"] else []), *own]
        self.root = [self._field(f"root{n}", _WAYS[1:3], names) for n in range(5)]
        self.acts = [self._field(f"act{n}", _WAYS[1:3], names) for n in range(3)]
        self._made: dict[str, Any] = {}
        self.schema = self._build()
        self.core = core_schema(self.schema)

    def _field(self, name: str, ways: list[str], objects: list[str]) -> Field:
        random = self._random
        way = random.choice(ways)
        return Field(
            name=name,
            kind=self._kind(objects),
            way=way,
            raises=random.random() < _UNSOUND,
            has_argument=way != "attribute" and random.random() < 0.4,
        )

    def _kind(self, objects: list[str]) -> Kind:
        random = self._random
        composite = objects and random.random() < 0.6
        named = random.choice([*objects, *self.abstract] if composite else list(self.leaves))
        kind = Kind(named, random.random() < 0.5)
        for _ in range(random.choice([0, 0, 1, 1, 2])):
            kind = Kind(kind, random.random() < 0.5)
        return kind

    # The schema, declared as koipond declares its own.

    def _build(self) -> strawberry.Schema:
        made = self._made
        made["Face"] = strawberry.interface(self._plain("Face", self.face))
        # All classes before any field: their fields lead to one another.
        for name in self.objects:
            bases = (made["Face"],) if name in self.abstract["Face"] else ()
            made[name] = self._plain(name, [], bases)
        made["Query"], made["Mutation"] = self._plain("Query", []), self._plain("Mutation", [])
        either = tuple(made[name] for name in self.abstract["Either"])
        made["Either"] = Annotated[Union[either], strawberry.union("Either")]  # noqa: UP007  as it runs
        for name, fields in [*self.objects.items(), ("Query", self.root), ("Mutation", self.acts)]:
            for one in fields:
                if one not in self.face:
                    self._declare(made[name], one)
            strawberry.type(made[name])
        return strawberry.Schema(
            query=self._made["Query"],
            mutation=self._made["Mutation"],
            types=[self._made[name] for name in self.objects],
        )

    def _plain(self, name: str, fields: list[Field], bases: tuple[type, ...] = ()) -> type:
        cls = type(name, bases, {"__annotations__": {}, "__module__": __name__})
        world = self

        def missing(itself: Any, attribute: str) -> Any:
            if attribute.startswith("_") or "seed" not in vars(itself):
                raise AttributeError(attribute)
            return world.answer_of(type(itself).__name__, attribute, itself.seed)

        cls.__getattr__ = missing  # type: ignore[attr-defined]  # objects answer by their seed
        for one in fields:
            self._declare(cls, one)
        return cls

    def _declare(self, cls: type, field: Field) -> None:
        annotation = self._annotation(field.kind)
        if field.way == "attribute":
            cls.__annotations__[field.name] = annotation
        else:
            setattr(cls, field.name, _WAYS_OF[field.way](self, cls.__name__, field, annotation))

    def _annotation(self, kind: Kind) -> Any:
        if isinstance(kind.of, str):
            inner = self.leaves.get(kind.of) or self._made[kind.of]
        else:
            inner = list[self._annotation(kind.of)]  # type: ignore[misc]  # made as it runs
        return inner | None if kind.may_be_null else inner  # type: ignore[operator]  # types all

    # What the objects answer.

    def answer_of(self, owner: str, name: str, seed: str, argument: int | None = None) -> Any:
        """Return what a field of an object answers, or raise."""
        declared = [*self.root, *self.acts, *self.face, *self.objects.get(owner, [])]
        field = next((one for one in declared if one.name == name), None)
        if field is None:
            raise AttributeError(name)
        place = f"{seed}.{name}" + ("" if argument is None else f"({argument})")
        if field.raises:
            raise Boom(place)
        return self._value(field.kind, place, may_wait=field.way == "sync")

    def _value(self, kind: Kind, place: str, *, may_wait: bool) -> Any:
        random = Random(f"{self.seed}:{place}")
        if kind.may_be_null and random.random() < 0.15:
            return None
        if random.random() < _UNSOUND:
            return self._unsound(random, place)
        if isinstance(kind.of, str):
            value = self._named(kind.of, random, place)
        else:
            inner = kind.of
            value = [
                self._value(inner, f"{place}[{n}]", may_wait=may_wait)
                for n in range(random.randint(0, 3))
            ]
            value = random.choice([list, list, tuple])(value)
        return _later(value, random.randint(0, 3)) if may_wait and random.random() < 0.1 else value

    def _unsound(self, random: Random, place: str) -> Any:
        return random.choice([None, Boom(place), object(), "no number", 7, [1], 2**40, {}])

    def _named(self, name: str, random: Random, place: str) -> Any:
        if name in self.leaves:
            return _LEAVES[name](random)
        found = random.choice(self.abstract.get(name, [name]))
        cls = self._made[found]
        made = cls.__new__(cls)
        made.seed = place
        return made


_LEAVES: dict[str, Callable[[Random], Any]] = {
    "String": lambda random: random.choice(["", "koi", "锦鲤"]),
    "Int": lambda random: random.randint(-5, 5),
    "Float": lambda random: random.choice([0.5, 2, float("nan")]),
    "Boolean": lambda random: random.random() < 0.5,
    "ID": lambda random: random.choice(["a", 7]),
    "Colour": lambda random: random.choice(list(Colour)),
}


async def _later(value: Any, turns: int) -> Any:
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


def _sync(world: World, owner: str, field: Field, annotation: Any) -> Any:
    if field.has_argument:

        def with_argument(self: Any, n: int = 1) -> Any:
            return world.answer_of(owner, field.name, _seed(self), n)

        return _field_of(with_argument, annotation)

    def resolve(self: Any) -> Any:
        return world.answer_of(owner, field.name, _seed(self))

    return _field_of(resolve, annotation)


def _async(world: World, owner: str, field: Field, annotation: Any) -> Any:
    async def resolve(self: Any, n: int = 1) -> Any:
        await _later(None, Random(f"{_seed(self)}{field.name}").randint(0, 2))
        return world.answer_of(owner, field.name, _seed(self), n)

    return _field_of(resolve, annotation)


def _batch(world: World, owner: str, field: Field, annotation: Any) -> Any:
    async def resolve(parents: Any, info: Any, n: int = 1) -> Any:
        if field.raises:
            raise Boom(f"{owner}.{field.name}")
        return [world.answer_of(owner, field.name, _seed(one), n) for one in parents]

    resolve.__annotations__ = {"n": int, "return": list[annotation]}
    resolve.__name__ = field.name
    resolve.__module__ = __name__
    return batch(resolve)


def _field_of(resolve: Any, annotation: Any) -> Any:
    resolve.__annotations__ = {**resolve.__annotations__, "return": annotation}
    resolve.__annotations__.pop("self", None)
    if "n" in resolve.__annotations__:
        resolve.__annotations__["n"] = int
    return strawberry.field(resolver=resolve)


def _seed(parent: Any) -> str:
    return getattr(parent, "seed", "root")


_WAYS = ["attribute", "sync", "async", "batch"]
_WAYS_OF = {"sync": _sync, "async": _async, "batch": _batch}
