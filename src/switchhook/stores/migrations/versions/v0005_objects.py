"""What API clients make beside the configuration file, and one record for each recording."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "object",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(20), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "recording",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(20), nullable=False),
        sa.Column("call", sa.String(64), nullable=False),
        sa.Column("leg", sa.String(64), nullable=False, index=True),
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("room_kind", sa.String(16), nullable=False),
        sa.Column("room_name", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("called", sa.Text, nullable=False),
        sa.Column("format", sa.String(8), nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("added_at", sa.Float, nullable=False),
    )
    op.create_index("ix_recording_account", "recording", ["account", "added_at"])
