from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from switchhook.core.errors import Unavailable
from switchhook.lab.detector import Detector, Labels
from switchhook.lab.fingerprints import Fingerprint
from switchhook.lab.packets import PCMA, PCMU
from switchhook.lab.rhythm import TONE_425
from switchhook.lab.tones import BUSY, FRAME, MUSIC, RINGBACK, SPEECH, VOICE_HZ, Samples, Utterance, Voices, tone
from switchhook.media import tones
from tests.lab.sounds import mix, music, noise, silence, through, voice, vowels

LAWS = pytest.mark.parametrize("law", [PCMU, PCMA])


def most(samples: Samples, detector: Detector | None = None) -> tuple[Labels, float]:
    """Returns the commonest set of labels and how common it is."""
    found = Counter((detector or Detector()).detect(samples))
    labels, count = found.most_common(1)[0]
    return labels, count / sum(found.values())


@LAWS
@pytest.mark.parametrize("hz", VOICE_HZ)
def test_every_voice_is_known_alone(hz: float, law: int) -> None:
    assert most(through(law, voice(hz, 0.5))) == ({hz}, 1.0)


@LAWS
@pytest.mark.parametrize("picked", [(0, 1), (3, 4, 5), (0, 6, 12, 19), tuple(range(8)), tuple(range(0, 20, 2))])
def test_every_voice_is_known_in_a_mix(picked: tuple[int, ...], law: int) -> None:
    heard = mix(*(voice(VOICE_HZ[k], 0.5) for k in picked))
    assert most(through(law, heard)) == ({VOICE_HZ[k] for k in picked}, 1.0)


def test_a_mix_transcoded_twice_is_still_known() -> None:
    heard = mix(voice(VOICE_HZ[2], 0.5), voice(VOICE_HZ[9], 0.5))
    assert most(through(PCMU, through(PCMA, through(PCMU, heard)))) == ({VOICE_HZ[2], VOICE_HZ[9]}, 1.0)


def test_a_quieter_voice_is_still_heard_beside_a_louder_one() -> None:
    heard = mix(tone(VOICE_HZ[4], 0.5, level=0.1), tone(VOICE_HZ[5], 0.5, level=0.04))
    assert most(through(PCMU, heard)) == ({VOICE_HZ[4], VOICE_HZ[5]}, 1.0)


@LAWS
def test_voices_in_noise(law: int) -> None:
    heard = mix(voice(VOICE_HZ[0], 2), voice(VOICE_HZ[1], 2), noise(2, 0.01))
    labels, share = most(through(law, heard))
    assert labels == {VOICE_HZ[0], VOICE_HZ[1]}
    assert share > 0.95


@LAWS
def test_silence_and_comfort_noise_are_nothing(law: int) -> None:
    assert most(through(law, silence(0.5))) == (frozenset(), 1.0)
    assert most(through(law, noise(1, 10 ** (-60 / 20)))) == (frozenset(), 1.0)


@LAWS
@pytest.mark.parametrize(("hz", "label"), [((440.0, 480.0), RINGBACK), ((425.0,), TONE_425), ((480.0, 620.0), BUSY)])
@pytest.mark.parametrize("level", [0.05, 0.1, 0.3])
def test_progress_tones(hz: tuple[float, ...], label: str, law: int, level: float) -> None:
    assert most(through(law, tone(hz, 1.0, level=level, start=37))) == ({label}, 1.0)


@LAWS
def test_music_is_known_wherever_it_is_cut_and_however_loud(law: int) -> None:
    detector = Detector()
    detector.learn(MUSIC, music(4))
    loop = np.tile(music(4), 2)
    for offset, loudness in ((0, 1.0), (37, 0.5), (80, 1.5), (16_123, 0.3)):
        heard = (loop[offset : offset + 200 * FRAME] * loudness).astype(np.int16)
        labels, share = most(through(law, heard), detector)
        assert labels == {MUSIC}
        assert share > 0.96


def test_music_under_a_voice() -> None:
    detector = Detector()
    detector.learn(MUSIC, music(4))
    labels, share = most(through(PCMU, mix(music(3), voice(VOICE_HZ[7], 3))), detector)
    assert labels == {MUSIC, VOICE_HZ[7]}
    assert share > 0.9


@LAWS
@pytest.mark.parametrize("offset", [0, 53, 80])
def test_the_servers_music_alone_is_music_and_no_voice(offset: int, law: int) -> None:
    detector = Detector()
    detector.learn(MUSIC, tones.hold())
    alone = detector.detect(through(law, tones.hold()[offset : offset + 350 * FRAME]))
    assert sum(labels == {MUSIC} for labels in alone) > 0.98 * len(alone)


@pytest.mark.parametrize("hz", VOICE_HZ)
def test_a_voice_that_leaks_into_the_servers_music_is_heard(hz: float) -> None:
    detector = Detector()
    hold = tones.hold()
    detector.learn(MUSIC, hold)
    found = detector.detect(through(PCMU, mix(hold[: 250 * FRAME], voice(hz, 5.0))))
    assert sum(MUSIC in labels for labels in found) > 0.97 * len(found)
    assert sum(hz in labels for labels in found) > 0.4 * len(found)  # a partial of the music may be as near as 20 Hz


def test_music_nobody_taught_is_not_music() -> None:
    assert most(music(2))[0] == {SPEECH}


def test_speech_is_speech_and_seldom_a_voice() -> None:
    detector = Detector()
    detector.learn(MUSIC, music(4))
    found = detector.detect(through(PCMU, vowels(4)))
    assert sum(SPEECH in labels for labels in found) > 0.8 * len(found)
    assert sum(bool(labels & set(VOICE_HZ)) for labels in found) < 0.15 * len(found)


def test_a_voice_is_heard_beside_speech() -> None:
    found = Detector().detect(through(PCMU, mix(vowels(4), tone(VOICE_HZ[12], 4, level=0.15))))
    assert sum(VOICE_HZ[12] in labels for labels in found) > 0.8 * len(found)


def test_a_lone_sine_is_named_by_its_frequency() -> None:
    assert most(through(PCMU, tone(1040, 0.5))) == ({1040.0}, 1.0)
    assert most(through(PCMA, tone(2300, 0.5, level=0.3))) == ({2300.0}, 1.0)


def test_a_sound_is_learned_from_something() -> None:
    with pytest.raises(ValueError, match="20 ms"):
        Fingerprint(MUSIC, silence(0.01))
    with pytest.raises(ValueError, match="silent"):
        Fingerprint(MUSIC, silence(1))


def test_voices_are_given_out_once_each() -> None:
    voices = Voices()
    given = [voices.assign(f"phone {i}") for i in range(20)]
    assert sorted(given) == sorted(VOICE_HZ)
    assert voices.assign("phone 3") == given[3]
    assert voices.name(given[3]) == "phone 3"
    assert voices.name(1040.0) == "tone 1040 Hz"
    with pytest.raises(Unavailable, match="voices are taken"):
        voices.assign("one more")
    with pytest.raises(Unavailable, match="phone 0"):
        voices.assign("another", given[0])
    with pytest.raises(ValueError, match="name of a sound"):
        voices.assign(MUSIC)


def test_a_tone_has_no_seam_between_frames() -> None:
    said = Utterance.of_tone(VOICE_HZ[1])
    frames = [said.frame(i) for i in range(120)]
    whole = np.concatenate([frame for frame in frames if frame is not None])
    assert np.abs(whole.astype(int) - tone(VOICE_HZ[1], 2.4)).max() <= 1


def test_a_file_ends_unless_it_loops() -> None:
    said = Utterance(tone(1000, 0.05), loop=False)
    assert said.frame(2) is not None
    assert said.frame(3) is None
    assert Utterance(tone(1000, 0.05)).frame(3) is not None
