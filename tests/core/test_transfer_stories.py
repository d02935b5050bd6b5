"""Every story of the transfer tables holds, and all promises with it."""

from __future__ import annotations

import pytest

from tests.core.rig import Rig
from tests.core.transfer_stories import STORIES, Story


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_story(story: Story) -> None:
    story.play(Rig(), story.kind)
