"""The views that reports and plugins read; what their columns mean stands in koipond_sdk/views.py.

A view of version 1 is never changed but for columns that are added at its end. A migration that
makes a table anew, as SQLite must for most changes, drops the views on it first and makes them
again afterwards.
"""

from alembic import op

revision = "0002_views"
down_revision = "0001_first"

# PostgreSQL lets a view of one table be written to. A view of two is read-only, so those that have
# one table are joined with a row of nothing, which costs nothing.
VIEWS = {
    "koi_v1_order": """
        SELECT o.id, o.number, o.channel_id, c.code AS channel, o.member_id, o.state, o.locale,
            o.currency, o.total_minor, o.placed_at, o.expired_at, o.updated_at,
            o.source_class, o.source_entry, o.source_campaign
        FROM "order" AS o LEFT JOIN channel AS c ON c.id = o.channel_id
    """,
    "koi_v1_order_line": """
        SELECT l.id, l.order_id, l.position, l.variant_id, l.product_id, l.sku, l.name, l.quantity,
            l.refunded_quantity, o.currency, l.unit_price_minor,
            CAST(COALESCE((
                SELECT SUM(a.amount_minor) FROM order_adjustment AS a
                WHERE a.order_id = l.order_id AND a.line_id = l.id AND NOT a.included
            ), 0) AS BIGINT) AS total_minor
        FROM order_line AS l JOIN "order" AS o ON o.id = l.order_id
    """,
    "koi_v1_order_adjustment": """
        SELECT a.order_id, a.position, a.line_id, a.stage, a.origin, a.rule, a.rule_version,
            a.coupon, a.label, a.included, o.currency, a.amount_minor
        FROM order_adjustment AS a JOIN "order" AS o ON o.id = a.order_id
    """,
    "koi_v1_payment": """
        SELECT p.id, p.order_id, p.provider, p.state, p.currency, p.amount_minor,
            p.authorised_minor, p.captured_minor, p.refunded_minor, p.created_at, p.updated_at
        FROM payment AS p CROSS JOIN (SELECT 1 AS one) AS single
    """,
    "koi_v1_member": """
        SELECT m.id, m.state, m.locale, m.created_at,
            m.source_class, m.source_entry, m.source_campaign
        FROM member AS m CROSS JOIN (SELECT 1 AS one) AS single
    """,
    "koi_v1_variant": """
        SELECT v.id, v.sku, v.track_stock, v.product_id, p.slug AS product_slug,
            p.name AS product_name, p.created_at
        FROM variant AS v JOIN product AS p ON p.id = v.product_id
    """,
    "koi_v1_stock": """
        SELECT s.variant_id, s.location_id, l.code AS location, s.on_hand, s.back_order, s.short,
            q.capacity, q.taken
        FROM stock_level AS s
            JOIN stock_location AS l ON l.id = s.location_id JOIN quota AS q ON q.id = s.quota_id
    """,
}


def upgrade() -> None:
    """Make the views."""
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def downgrade() -> None:
    """Drop them."""
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
