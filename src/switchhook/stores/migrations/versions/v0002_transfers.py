"""One record for each ended transfer; leg records learn their last room, their network address and audio figures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, default in (("room", ""), ("source", ""), ("media", "{}")):
        kind = sa.String(64) if name == "room" else sa.Text()
        op.add_column("leg", sa.Column(name, kind, nullable=False, server_default=default))
    op.create_table(
        "transfer",
        sa.Column("transfer", sa.String(64), primary_key=True),
        sa.Column("call", sa.String(64), nullable=False, index=True),
        sa.Column("account", sa.String(20), nullable=False),
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("customer", sa.String(64), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("target_address", sa.Text, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=False, index=True),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("fallback", sa.String(16), nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
    )
