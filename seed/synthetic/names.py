"""Made-up names: every number has one of its own, which can be written in three scripts."""

LATIN, ARABIC, CYRILLIC = "latin", "arabic", "cyrillic"

_LETTERS = {
    LATIN: ("bdfghjklmnrstwyz", "aiu"),
    ARABIC: ("بدفغهجكلمنرستويز", "ايو"),
    CYRILLIC: ("бдфгхжклмнрствйз", "аиу"),
}
_SYLLABLES = {
    script: [consonant + vowel for consonant in consonants for vowel in vowels]
    for script, (consonants, vowels) in _LETTERS.items()
}
_BASE = 48
_STRIDE = 1_000_003
"""Has no factor in common with the base, so numbers that follow each other get names that do not, and none twice."""


def spell(number: int, script: str = LATIN) -> str:
    """The name of a number: two syllables for the first 2,304, then three, then four.

    >>> spell(7), spell(7, ARABIC), spell(7, CYRILLIC)
    ('Tiga', 'تيغا', 'Тига')
    """
    length = 2
    while number >= _BASE**length:
        length += 1
    rest = number * _STRIDE % _BASE**length
    syllables = []
    for _ in range(length):
        rest, digit = divmod(rest, _BASE)
        syllables.append(_SYLLABLES[script][digit])
    return "".join(syllables).capitalize()
