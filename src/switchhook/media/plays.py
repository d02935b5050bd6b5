"""Sounds being played: each has a list of clips, how often to go through it, and its place; all in the shared table.

A sound's place moves only when one of its frames is taken, so a sound that is not heard pauses. The ordinary case is
one row read out of the clips' memory for all playing sounds at once; ends of clips are looked at singly.
"""

from __future__ import annotations

import numpy as np

from switchhook.media.rtp import Array
from switchhook.media.table import BROKEN, ENDED, FAILED, FRAME, PLAYING, READY, Table


def begin(table: Table, play: int, use: int, clips: list[int], repeat: int) -> None:
    """Puts a sound at its beginning; `repeat` 0 is for ever."""
    table.play_use[play] = 0
    table.play_count[play] = len(clips)
    table.play_clips[play, : len(clips)] = clips
    table.play_repeat[play] = repeat
    table.play_turn[play] = table.play_index[play] = table.play_frame[play] = 0
    table.play_state[play] = PLAYING
    table.play_use[play] = use


def take(table: Table, plays: Array) -> tuple[Array, list[int]]:
    """Returns the next frame of each sound, int16 (silence for what is over or not decoded yet), and which ended now.

    An ended sound has given its last frame with the call before; `play_state` says `ENDED` or `BROKEN`.
    """
    frames = np.zeros((len(plays), FRAME), np.int16)
    ended: list[int] = []
    if not len(plays):
        return frames, ended
    clip = table.play_clips[plays, table.play_index[plays]]
    place = table.play_frame[plays]
    simple = (table.play_state[plays] == PLAYING) & (table.play_count[plays] > 0) & (place < table.clip_ready[clip])
    for odd in np.flatnonzero(~simple & (table.play_state[plays] == PLAYING)):
        if _advance(table, int(plays[odd])):
            simple[odd] = True
        elif table.play_state[plays[odd]] != PLAYING:
            ended.append(int(plays[odd]))
    now = plays[simple]
    clip = table.play_clips[now, table.play_index[now]]
    frames[simple] = table.arena[table.clip_start[clip] + table.play_frame[now]]
    table.play_frame[now] += 1
    return frames, ended


def _advance(table: Table, play: int) -> bool:
    """Finds the next clip with a frame to give; False when there is none now, with the state set if it is the end."""
    empty = 0  # clips in a row that had nothing: a whole turn of them means that nothing will ever come
    while empty <= table.play_count[play]:
        if table.play_index[play] >= table.play_count[play]:
            table.play_index[play] = 0
            table.play_turn[play] += 1
            if table.play_count[play] == 0 or (table.play_repeat[play] and _turns_over(table, play)):
                table.play_state[play] = ENDED
                return False
        clip = int(table.play_clips[play, table.play_index[play]])
        if table.clip_state[clip] == FAILED:
            table.play_state[play] = BROKEN
            return False
        if table.play_frame[play] < table.clip_ready[clip]:
            return True
        if table.clip_state[clip] != READY or table.play_frame[play] < table.clip_frames[clip]:
            return False  # still being decoded: wait in silence
        empty += 1
        table.play_frame[play] = 0
        table.play_index[play] += 1
    if table.play_repeat[play]:
        table.play_state[play] = ENDED
    return False


def _turns_over(table: Table, play: int) -> bool:
    return bool(table.play_turn[play] >= table.play_repeat[play])
