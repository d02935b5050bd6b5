"""Call records say which conference a leg was in; of earlier calls that is not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("leg", sa.Column("conference", sa.String(64), nullable=False, server_default=""))
