import pytest
from graphql import get_introspection_query, parse

from koipond.graphql.limits import (
    ALIASES_MAX,
    DEPTH_MAX,
    DIRECTIVES_MAX,
    FIELDS_MAX,
    ITEMS_MAX,
    ROOT_FIELDS_MAX,
    find_excess,
    find_long_list,
)

pytestmark = pytest.mark.story


def excess(document: str) -> str | None:
    return find_excess(parse(document))


def nested(levels: int, inner: str = "x") -> str:
    return "{ a " * (levels - 1) + "{ " + inner + " }" + " }" * (levels - 1)


def test_a_document_as_large_as_allowed_passes() -> None:
    assert excess(nested(DEPTH_MAX)) is None
    assert excess("{ " + " ".join(f"a{n}: a" for n in range(ROOT_FIELDS_MAX)) + " }") is None


def test_one_level_more_is_named() -> None:
    assert excess(nested(DEPTH_MAX + 1)) == "16 levels deep, at most 15 are read"


def test_depth_counts_through_fragments() -> None:
    document = nested(DEPTH_MAX, "... F") + " fragment F on T { b { ... on T { c } } }"
    assert excess(document) == "16 levels deep, at most 15 are read"


def test_one_field_more_at_the_root_is_named() -> None:
    fields = " ".join(f"a{n}: a" for n in range(ROOT_FIELDS_MAX + 1))
    problem = f"101 fields at its root, at most {ROOT_FIELDS_MAX} are answered"
    assert excess(f"{{ {fields} }}") == problem
    assert excess(f"mutation {{ ... F }} fragment F on Mutation {{ {fields} }}") == problem


def test_one_mutation_more_is_named() -> None:
    fields = " ".join(f"a{n}: a" for n in range(11))
    assert excess(f"mutation {{ {fields} }}") == "11 mutations, at most 10 are run, one by one"
    assert excess(f"mutation {{ {fields.removesuffix('a10: a')} }}") is None
    assert excess(f"{{ {fields} }}") is None


def test_every_operation_of_a_document_is_measured() -> None:
    assert excess("query A { a } query B " + nested(DEPTH_MAX + 1)) is not None


def test_fragments_count_wherever_they_are_used() -> None:
    tenfold = " ".join(f"a{n}: a {{ ... G }}" for n in range(10))
    document = f"{{ {tenfold.replace('G', 'F')} }} fragment F on T {{ {tenfold} }}"
    fields = " ".join(f"b{n}: b" for n in range(20))
    assert excess(f"{document} fragment G on T {{ {fields} }}") == (
        f"2110 fields in all, at most {FIELDS_MAX} are answered"
    )


def test_fragments_that_double_each_other_are_measured_once() -> None:
    """Written out they are 2^60 fields: reading those would never end."""
    doubling = " ".join(
        f"fragment F{n} on T {{ a {{ ... F{n + 1} }} b {{ ... F{n + 1} }} }}" for n in range(60)
    )
    assert excess(f"{{ ... F0 }} {doubling} fragment F60 on T {{ c }}") is not None


def test_a_long_chain_of_fragments_is_refused() -> None:
    chain = " ".join(f"fragment F{n} on T {{ ... F{n + 1} }}" for n in range(3000))
    problem = "its fragments are nested too deeply"
    assert excess(f"{{ ... F0 }} {chain} fragment F3000 on T {{ a }}") == problem


@pytest.mark.parametrize(
    "document",
    [
        "{ ... F } fragment F on T { a { ... F } }",
        "{ ... F } fragment F on T { ... G } fragment G on T { ... F a }",
        "{ ... Missing }",
    ],
)
def test_circles_and_missing_fragments_are_left_to_validation(document: str) -> None:
    assert excess(document) is None


def test_the_introspection_of_editors_passes() -> None:
    assert excess(get_introspection_query()) is None


def test_one_alias_more_is_named() -> None:
    aliases = [f"a{n}: b" for n in range(ALIASES_MAX + 1)]
    assert excess(f"{{ a {{ {' '.join(aliases[1:])} }} }}") is None
    assert excess(f"{{ a {{ {' '.join(aliases)} }} }}") == "201 aliases, at most 200 are read"
    used = "{ a { ...F } b { ...F } } fragment F on T { " + " ".join(aliases[:101]) + " }"
    assert excess(used) == "202 aliases, at most 200 are read"


def test_one_directive_more_is_named_wherever_it_stands() -> None:
    problem = f"101 directives, at most {DIRECTIVES_MAX} are obeyed"
    some = "@d " * DIRECTIVES_MAX
    assert excess(f"{{ a {some} }}") is None
    for document in (
        f"{{ a {some} @d }}",
        f"query @d {{ a {some} }}",
        f"{{ a {some} ... @d {{ b }} }}",
        f"{{ a {some} ...F @d }} fragment F on T {{ b }}",
        f"{{ a @d ...F }} fragment F on T {{ b {some} }}",
    ):
        assert excess(document) == problem


def test_a_longer_list_is_named_however_deep_it_lies() -> None:
    problem = "a list of 1,001, at most 1,000 are read"
    items = "1 " * ITEMS_MAX
    assert excess(f"{{ a(b: [{items}]) }}") is None
    for document in (
        f"{{ a(b: [{items} 1]) }}",
        f"{{ a {{ b(c: {{d: [[{items} 1]]}}) }} }}",
        f"{{ ...F }} fragment F on T {{ a(b: [{items} 1]) }}",
        f"query($c: [Int] = [{items} 1]) {{ a(b: $c) }}",
        f"query($c: C = {{d: [{items} 1]}}) {{ a(b: $c) }}",
    ):
        assert excess(document) == problem
    assert find_long_list({"a": [1] * ITEMS_MAX, "b": "x" * 5_000}) is None
    for variables in ({"a": [1] * 1_001}, {"b": 1, "a": {"c": [[], [{"d": [None] * 1_001}]]}}):
        assert find_long_list(variables) == problem


def test_objects_in_variables_are_as_short_as_lists() -> None:
    wide = {f"k{number}": number for number in range(ITEMS_MAX)}
    assert find_long_list(wide) is None
    problem = "an object of 1,001 fields, at most 1,000 are read"
    for variables in (wide | {"more": 1}, {"a": [{"b": wide | {"more": 1}}]}):
        assert find_long_list(variables) == problem
