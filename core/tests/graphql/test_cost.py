"""What a document may cost is reckoned before it is run: as often as its lists have its fields."""

import pytest
from graphql import GraphQLError, GraphQLSchema, build_schema, parse, validate

from koipond.graphql.cost import COST_MAX, reckon
from koipond.graphql.sizes import SizedBy
from koipond_sdk.testing import RunningShop

pytestmark = pytest.mark.story

SCHEMA: GraphQLSchema = build_schema("""
interface Node { id: ID }
type Query { node: Node goods(first: Int): Goods words: [String!]! thing: Thing
  cut(first: Int): Goods }
type Goods { nodes: [Thing!]! edges: [Edge!]! count: Int totalCount: Int facets: GoodsFacets }
type GoodsFacets { colours: [Thing!]! inStock: Int }
type Edge { node: Thing }
type Thing implements Node { id: ID name: String parts: [Thing!] more(first: Int): Goods }
""")
assert SCHEMA.query_type is not None
# As strawberry says it, and `= 20` above would not.
SCHEMA.query_type.fields["cut"].args["first"].default_value = 20


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        ("{ words }", 1),
        ("{ thing { id name } }", 3),
        ("{ thing { parts { id } } }", 1 + 1 + 5),
        ("{ thing { parts { parts { id } } } }", 1 + 1 + 5 * (1 + 5)),
        ("{ goods(first: 1) { nodes { id } } }", 500 + 1 + 1),
        ("{ goods(first: 7) { count nodes { id name } } }", 500 + 1 + 1 + 7 * 2),
        ("{ goods(first: 7) { edges { node { id } } } }", 500 + 1 + 7 * (1 + 1)),
        ("{ goods { nodes { id } } }", 500 + 1 + 20),
        ("{ goods(first: null) { nodes { id } } }", 500 + 1 + 20),
        ("query($n: Int) { goods(first: $n) { nodes { id } } }", 500 + 1 + 100),
        (
            "{ goods(first: 3) { nodes { more(first: 4) { nodes { id } } } } }",
            500 + 1 + 3 * (2 + 4),
        ),
        ("{ node { id ... on Thing { parts { id } } } }", 1 + 1 + 1 + 5),
        ("{ goods(first: 3) { ... F } } fragment F on Goods { nodes { id } }", 500 + 1 + 3),
        ("{ goods(first: 3) { totalCount } }", 500 + 3_000),
        ("{ goods(first: 3) { facets { __typename inStock } } }", 500 + 1 + 1 + 1_000),
        ("{ goods(first: 3) { facets { colours { id } } } }", 500 + 1 + 1_000 + 5),
        ("query A { words } query B { thing { parts { id } } }", 7),
        ("{ __typename __schema { types { fields { name } } } }", 2),
    ],
)
def test_fields_count_as_often_as_lists_have_them(document: str, cost: int) -> None:
    parsed = parse(document)
    assert validate(SCHEMA, parsed) == []
    assert reckon(parsed, SCHEMA).cost == cost


def test_of_each_operation_is_known_by_which_variables_its_pages_are_sized() -> None:
    document = parse("""
      query A($n: Int) { ...F } query B($n: Int) { thing { id } } query C($m: Int!) { ...G }
      fragment F on Query { thing { ...H } goods(first: 3) { count } }
      fragment G on Query { cut(first: $m) { count } ...F }
      fragment H on Thing { more(first: $n) { nodes { id } } }""")
    n, m = SizedBy("n", may_be_null=True), SizedBy("m", may_be_null=False)
    assert reckon(document, SCHEMA).sized_by == {"A": {n}, "B": set(), "C": {n, m}}


@pytest.mark.parametrize("first", ["-1", "0", "101", "9" * 30])
@pytest.mark.parametrize("field", ["goods", "cut"])
def test_a_size_that_cannot_be_is_found_while_reckoning(field: str, first: str) -> None:
    with pytest.raises(GraphQLError, match=f"first: {first[:9]}.* cannot be paged by") as refused:
        reckon(parse(f"{{ {field}(first: {first}) {{ count }} }}"), SCHEMA)
    assert refused.value.locations == [(1, len(field) + 4)]


def test_null_is_a_size_where_it_is_the_default() -> None:
    assert reckon(parse("{ goods(first: null) { count } }"), SCHEMA).cost == 501
    with pytest.raises(GraphQLError, match="first: null cannot be paged by"):
        reckon(parse("{ cut(first: null) { count } }"), SCHEMA)


def test_a_fragment_is_reckoned_once() -> None:
    chain = "".join(
        f"fragment F{n} on Thing {{ parts {{ ...F{n + 1} }} more {{ nodes {{ ...F{n + 1} }} }} }}"
        for n in range(60)
    )
    document = parse("{ thing { ...F0 } } fragment F60 on Thing { id }" + chain)
    assert reckon(document, SCHEMA).cost > 25**60


FULL = """nodes { id name slug description categories { id slug name } collections { id slug name }
  attributes { name value } media { url alt }
  variants { id sku name price { amount currency } options { name value } media { url }
    availability { state quantityAtMost } } } pageInfo { hasNextPage endCursor } totalCount
  facets { categories { category { slug name } count } collections { collection { slug } count }
    attributes { name values { value count } } inStock price { least { amount } most { amount }
      ranges { least { amount } most { amount } count } } }"""


async def test_the_largest_page_of_all_that_a_list_shows_is_answered(shop: RunningShop) -> None:
    answer = await shop.graphql(f"query($n: Int) {{ products(first: $n) {{ {FULL} }} }}", {"n": 9})
    assert "errors" not in answer


async def test_what_would_keep_the_server_busy_is_refused_before_it_is_run(
    shop: RunningShop,
) -> None:
    pages = " ".join(f"p{n}: products(first: 100) {{ {FULL} }}" for n in range(5))
    nested = "{ id }"
    for _ in range(6):
        nested = f"{{ variants {{ product {nested} }} }}"
    counts = " ".join(f"p{n}: products(first: 1) {{ totalCount }}" for n in range(9))
    facets = " ".join(
        f'p{n}: products(first: 1, filter: {{ text: "{n}" }}) {{ facets {{ inStock price {{ least '
        "{ amount } } categories { count } collections { count } attributes { name } } }"
        for n in range(6)
    )
    deep = f'{{ product(slug: "tea") {nested} }}'
    for document in (f"{{ {pages} }}", f"{{ {counts} }}", f"{{ {facets} }}", deep):
        with shop.count_statements() as sent:
            answer = await shop.graphql(document)
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "COST_LIMIT"
        assert f"at most {COST_MAX:,} are" in error["message"]
        assert "data" not in answer
        assert sent == []


async def test_who_asks_is_told_what_a_document_may_cost(shop: RunningShop) -> None:
    query = "query($n: Int) { products(first: $n) { nodes { id } } }"
    body = {"query": query, "variables": {"n": 7}}
    told = await shop.http.post("/graphql", json={**body, "extensions": {"cost": True}})
    assert told.json() == {
        "data": {"products": {"nodes": []}},
        "extensions": {"cost": {"asked": 500 + 1 + 100, "most": COST_MAX}},
    }
    for extensions in ({}, {"cost": False}, {"cost": "yes"}, None):
        untold = await shop.http.post("/graphql", json={**body, "extensions": extensions})
        assert untold.json() == {"data": {"products": {"nodes": []}}}
    got = await shop.http.get('/graphql?query={__typename}&extensions={"cost":true}')
    assert got.json()["extensions"] == {"cost": {"asked": 1, "most": COST_MAX}}
