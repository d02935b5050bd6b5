"""The rows of the Workspace API on the coverage page are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from switchhook.dialects.genesys import capabilities as desk
from switchhook.dialects.genesys.coverage import ABSENT, WORKSPACE, WORKSPACE_REST, lines
from switchhook.dialects.genesys.workspace.agent_states import OPERATIONS as OF_AGENTS
from switchhook.dialects.genesys.workspace.operations import OPERATIONS
from switchhook.dialects.genesys.workspace.shapes import CAPABILITIES

HERE = Path(__file__).parent


def test_every_operation_that_is_served_is_on_the_page_and_no_other() -> None:
    listed = {line.part for line in lines() if line.section == WORKSPACE and line.state != ABSENT}
    assert listed == OPERATIONS
    rest = {line.part for line in lines() if line.section == WORKSPACE_REST and line.state != ABSENT}
    assert {part for part in rest if part.startswith("voice/")} == {f"voice/{name}" for name in OF_AGENTS} | {
        "voice/calls"
    }


def test_the_named_tests_speak_of_their_operations() -> None:
    for line in lines():
        if line.section == WORKSPACE and line.test:
            assert line.part in (HERE / line.test).read_text(encoding="utf-8"), line


def test_capabilities_are_operations() -> None:
    named = set(CAPABILITIES.values())
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in named)
    assert {*desk.USER_DATA, *desk.STEPS} - set(CAPABILITIES) == {"DeleteUserData"}  # this API has no such operation
    assert named <= OPERATIONS
