from __future__ import annotations

import numpy as np

from switchhook.lab.packets import PCMA, PCMU, decode, encode
from switchhook.media import g711


def test_every_code_comes_back_through_its_own_sample() -> None:
    codes = bytes(range(256))
    assert encode(PCMA, decode(PCMA, codes)) == codes
    again = encode(PCMU, decode(PCMU, codes))
    assert [i for i in range(256) if again[i] != i] in ([0x7F], [0xFF])  # mu-law has two zeros


def test_some_samples_of_the_standard() -> None:
    assert decode(PCMU, bytes([0x80, 0x00, 0xFF]))[:].tolist() == [32124, -32124, 0]
    assert decode(PCMA, bytes([0xAA, 0x2A, 0xD5, 0x55]))[:].tolist() == [32256, -32256, 8, -8]


def test_two_independent_codecs_agree() -> None:
    codes = np.arange(256, dtype=np.uint8)
    for law, theirs in ((PCMU, g711.ULAW), (PCMA, g711.ALAW)):
        assert (decode(law, codes.tobytes()) == g711.decode(codes, theirs)).all()


def test_the_error_of_the_codec_is_that_of_the_standard() -> None:
    samples = np.arange(-32_000, 32_000, 7).astype(np.int16)
    for law in (PCMU, PCMA):
        error = np.abs(decode(law, encode(law, samples)).astype(int) - samples)
        assert (error <= np.maximum(16, np.abs(samples.astype(int)) / 16)).all()
