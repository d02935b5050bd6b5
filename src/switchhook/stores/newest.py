"""The newest schema as SQLite is told it, for a start that does without SQLAlchemy (`stores.opening`).

The statements are what `stores.schema` says, written by `scripts/newest_schema.py`; a test keeps them equal.
"""

from __future__ import annotations

# WAL: readers do not wait for the writer. NORMAL: a power cut may cost the last moments, never the file.
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    # A page of an index changes many times in a second: copied into the database once in 32 MB, not once in 4.
    "wal_autocheckpoint = 8000",
)

REVISION = "0006"

STATEMENTS = (
    """CREATE TABLE ended_room (
    id VARCHAR(64) NOT NULL,
    account VARCHAR(20) NOT NULL,
    name TEXT NOT NULL,
    created_at FLOAT NOT NULL,
    ended_at FLOAT NOT NULL,
    code INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id)
)""",
    """CREATE INDEX ix_ended_room_account ON ended_room (account, created_at)""",
    """CREATE TABLE entry (
    seq INTEGER NOT NULL,
    at FLOAT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    call VARCHAR(64) NOT NULL,
    leg VARCHAR(64) NOT NULL,
    cause TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (seq)
)""",
    """CREATE INDEX ix_entry_call ON entry (call)""",
    """CREATE INDEX ix_entry_leg ON entry (leg) WHERE leg != ''""",
    """CREATE TABLE leg (
    leg VARCHAR(64) NOT NULL,
    call VARCHAR(64) NOT NULL,
    parent VARCHAR(64) NOT NULL,
    account VARCHAR(20) NOT NULL,
    direction VARCHAR(10) NOT NULL,
    caller TEXT NOT NULL,
    called TEXT NOT NULL,
    started_at FLOAT NOT NULL,
    answered_at FLOAT,
    ended_at FLOAT NOT NULL,
    outcome VARCHAR(24) NOT NULL,
    ended_by VARCHAR(16) NOT NULL,
    sip_status INTEGER NOT NULL,
    q850 INTEGER,
    reason TEXT NOT NULL,
    room VARCHAR(64) NOT NULL,
    source TEXT NOT NULL,
    media TEXT NOT NULL,
    conference VARCHAR(64) DEFAULT '' NOT NULL,
    PRIMARY KEY (leg)
)""",
    """CREATE INDEX ix_leg_ended_at ON leg (ended_at)""",
    """CREATE TABLE object (
    kind VARCHAR(16) NOT NULL,
    id VARCHAR(64) NOT NULL,
    account VARCHAR(20) NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
)""",
    """CREATE TABLE recording (
    id VARCHAR(64) NOT NULL,
    account VARCHAR(20) NOT NULL,
    call VARCHAR(64) NOT NULL,
    leg VARCHAR(64) NOT NULL,
    room VARCHAR(64) NOT NULL,
    room_kind VARCHAR(16) NOT NULL,
    room_name TEXT NOT NULL,
    caller TEXT NOT NULL,
    called TEXT NOT NULL,
    format VARCHAR(8) NOT NULL,
    started_at FLOAT NOT NULL,
    ended_at FLOAT NOT NULL,
    duration_ms BIGINT NOT NULL,
    added_at FLOAT NOT NULL,
    PRIMARY KEY (id)
)""",
    """CREATE INDEX ix_recording_account ON recording (account, added_at)""",
    """CREATE INDEX ix_recording_leg ON recording (leg)""",
    """CREATE TABLE transfer (
    transfer VARCHAR(64) NOT NULL,
    call VARCHAR(64) NOT NULL,
    account VARCHAR(20) NOT NULL,
    room VARCHAR(64) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    agent VARCHAR(64) NOT NULL,
    customer VARCHAR(64) NOT NULL,
    target VARCHAR(64) NOT NULL,
    target_address TEXT NOT NULL,
    started_at FLOAT NOT NULL,
    ended_at FLOAT NOT NULL,
    outcome VARCHAR(24) NOT NULL,
    fallback VARCHAR(16) NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (transfer)
)""",
    """CREATE INDEX ix_transfer_call ON transfer (call)""",
    """CREATE INDEX ix_transfer_ended_at ON transfer (ended_at)""",
    """CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)""",
)
