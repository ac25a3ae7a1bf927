"""Text as it is searched: cut into words without case, accents and marks, the same for what is held and what is asked.

Scripts that put no space between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are cut into single letters; a
run of them is asked for as one phrase, so that any part of a name is found, and only where it stands so.
"""

import re
import unicodedata

from graph.values import fold

SEAM = "\x01"
"""Stands before each letter of a script without spaces: it parts words, but not the phrase that they are."""

UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
ALIKE = dict(zip("łøđħıŧəʻʼ", "lodhite  ", strict=True)) | {
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    "ð": "d",
    "ٱ": "ا",
    "ى": "ي",
    "ی": "ي",
    "ة": "ه",
    "ک": "ك",
    "ـ": "",  # Arabic; other forms are told apart by marks
}
"""Letters that fold() leaves apart, though people write one for the other."""

_words = re.compile("[0-9a-z\x80-\U0010ffff]+").findall


class _Letters(dict[int, str]):
    """What becomes of each character of folded text: worked out when it first turns up."""

    def __missing__(self, codepoint: int) -> str:
        self[codepoint] = made = _letter(chr(codepoint), codepoint)
        return made


def _letter(char: str, codepoint: int) -> str:
    if char in ALIKE:
        return ALIKE[char]
    if any(low <= codepoint <= high for low, high in UNSPACED):
        return SEAM + char
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Cf":
        return ""  # marks of direction and joiners, which nobody sees
    return char if category[0] in "LNM" else " "


_letters = _Letters()


def prepared(text: str) -> str:
    """The text as the index takes it: the words are the runs of ASCII letters, digits, and all that is not ASCII."""
    return text.lower() if text.isascii() else fold(text).translate(_letters)


def phrases(text: str) -> list[list[str]]:
    """The words of a text, those together that are asked for as one phrase.

    >>> phrases("Kôro, 马里")
    [['koro'], ['马', '里']]
    """
    made = prepared(text)
    if text.isascii():
        return [[word] for word in split(made)]
    return [words for run in made.split() if (words := split(run))]


def split(made: str) -> list[str]:
    """The words of a text that was prepared, as the index takes them."""
    return _words(made)


def key(text: str) -> str:
    """What texts have in common that say the same; empty where there is no word in it.

    >>> key("Guinea-Bissau") == key("GUINEA  BISSAU")
    True
    """
    return " ".join(split(prepared(text)))
