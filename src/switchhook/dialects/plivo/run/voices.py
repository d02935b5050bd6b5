"""Whose voice speaks: the names of Plivo's voices, as a language and WOMAN or MAN (plivo-xml 2.1).

The speech program here has one woman's and one man's voice for each language. A Polly name stands for its language
where the document names none. Names are compared without accents, case, and a suffix such as `-Neural`.
"""

from __future__ import annotations

import unicodedata

WOMAN, MAN = "WOMAN", "MAN"

_POLLY: dict[str, tuple[str, str]] = {
    "en-US": ("Joanna Salli Kendra Kimberly Ivy", "Matthew Justin Joey"),
    "en-GB": ("Amy Emma", "Brian"),
    "en-AU": ("Nicole", "Russell"),
    "en-IN": ("Raveena Aditi", ""),
    "es-ES": ("Conchita", "Enrique"),
    "es-MX": ("Mia", ""),
    "es-US": ("Penelope Lupe", "Miguel"),
    "fr-FR": ("Celine Lea", "Mathieu"),
    "fr-CA": ("Chantal", ""),
    "de-DE": ("Vicki Marlene", "Hans"),
    "it-IT": ("Carla", "Giorgio"),
    "pt-BR": ("Vitoria", "Ricardo"),
    "pt-PT": ("Ines", "Cristiano"),
    "nl-NL": ("Lotte", "Ruben"),
    "da-DK": ("Naja", "Mads"),
    "sv-SE": ("Astrid", ""),
    "nb-NO": ("Liv", ""),
    "is-IS": ("Dora", "Karl"),
    "pl-PL": ("Ewa Maja", "Jacek Jan"),
    "ro-RO": ("Carmen", ""),
    "ru-RU": ("Tatyana", "Maxim"),
    "tr-TR": ("Filiz", ""),
    "ja-JP": ("Mizuki", "Takumi"),
    "ko-KR": ("Seoyeon", ""),
    "cmn-CN": ("Zhiyu", ""),
    "en-GB-WLS": ("", "Geraint"),
    "cy-GB": ("Gwyneth", ""),
}


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()


_BY_NAME: dict[str, tuple[str, str]] = {
    _folded(name): (language, voice)
    for language, (women, men) in _POLLY.items()
    for voice, names in ((WOMAN, women), (MAN, men))
    for name in names.split()
}


def voice_of(voice: str, language: str) -> tuple[str, str]:
    """Returns the language to speak and WOMAN or MAN; an unknown voice is a woman's in the language that is named."""
    plain = voice.strip()
    if _folded(plain) == "man":
        return language or "en-US", MAN
    if not _folded(plain).startswith("polly."):
        return language or "en-US", WOMAN
    known = _BY_NAME.get(_folded(plain).removeprefix("polly.").partition("-")[0])
    own, sex = known if known is not None else ("en-US", WOMAN)
    spoken = language or own
    return ("en-GB" if spoken == "en-GB-WLS" else spoken), sex
