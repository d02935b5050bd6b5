"""Lines of one call that are written together are one row; rows without a leg of their own leave its index.

Nobody asks for the legs of a call in their records, so that index goes.

Lines of earlier versions stay the rows they are, which is what makes this step quick: readers know both.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_entry_leg", table_name="entry")
    op.drop_index("ix_leg_call", table_name="leg")
    named = sa.text("leg != ''")
    where: dict[str, Any] = {f"{op.get_bind().dialect.name}_where": named}
    op.create_index("ix_entry_leg", "entry", ["leg"], **where)
