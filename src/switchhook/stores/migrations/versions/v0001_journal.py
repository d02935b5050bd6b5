"""The journal and one record for each ended leg."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "entry",
        sa.Column("seq", serial, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("call", sa.String(64), nullable=False, index=True),
        sa.Column("leg", sa.String(64), nullable=False, index=True),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "leg",
        sa.Column("leg", sa.String(64), primary_key=True),
        sa.Column("call", sa.String(64), nullable=False, index=True),
        sa.Column("parent", sa.String(64), nullable=False),
        sa.Column("account", sa.String(20), nullable=False),
        sa.Column("direction", sa.String(10), nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("called", sa.Text, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("answered_at", sa.Float),
        sa.Column("ended_at", sa.Float, nullable=False, index=True),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("ended_by", sa.String(16), nullable=False),
        sa.Column("sip_status", sa.Integer, nullable=False),
        sa.Column("q850", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
    )
