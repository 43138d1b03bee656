"""The index that products are searched by: GIN on PostgreSQL, FTS5 on SQLite.

What is in the words, and so what separates them, is decided in Python (catalog/rules/searching.py).
The index of FTS5 is over the rows of product_search, and follows them by triggers.
"""

from alembic import op

revision = "0003_search"
down_revision = "0002_views"

_POSTGRES = """
    CREATE INDEX ix_product_search_terms ON product_search USING gin (
        to_tsvector('simple', words),
        to_tsvector('simple', words || ' ' || beside),
        to_tsvector('simple', words || ' ' || beside || ' ' || parts)
    )
"""
# The tokenizer called ascii takes everything beyond ASCII for letters, of every script.
_SQLITE = (
    """
    CREATE VIRTUAL TABLE product_terms USING fts5(
        words, beside, parts,
        content='product_search', content_rowid='number', tokenize='ascii', prefix='1 2'
    )
    """,
    """
    CREATE TRIGGER product_search_added AFTER INSERT ON product_search BEGIN
        INSERT INTO product_terms (rowid, words, beside, parts)
        VALUES (new.number, new.words, new.beside, new.parts);
    END
    """,
    """
    CREATE TRIGGER product_search_gone AFTER DELETE ON product_search BEGIN
        INSERT INTO product_terms (product_terms, rowid, words, beside, parts)
        VALUES ('delete', old.number, old.words, old.beside, old.parts);
    END
    """,
    """
    CREATE TRIGGER product_search_changed AFTER UPDATE ON product_search BEGIN
        INSERT INTO product_terms (product_terms, rowid, words, beside, parts)
        VALUES ('delete', old.number, old.words, old.beside, old.parts);
        INSERT INTO product_terms (rowid, words, beside, parts)
        VALUES (new.number, new.words, new.beside, new.parts);
    END
    """,
)
_TRIGGERS = ("product_search_added", "product_search_gone", "product_search_changed")


def upgrade() -> None:
    """Make the index."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRES)
        return
    for statement in _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Drop it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_product_search_terms")
        return
    for name in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name}")
    op.execute("DROP TABLE product_terms")
