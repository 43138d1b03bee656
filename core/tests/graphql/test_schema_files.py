from pathlib import Path

import pytest

from koipond.cli.schemas import sdl

CORE = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("which", "file"), [("storefront", "schema.graphql"), ("admin", "admin.graphql")]
)
def test_the_committed_schema_is_the_one_that_is_built(which: str, file: str) -> None:
    committed = (CORE / file).read_text(encoding="utf-8")
    assert committed == sdl(core_only=True)[which], (
        "the schema has changed; renew its files: .venv/bin/koi schema export core --core-only"
    )
