"""Secrets and card numbers in a text: known shapes, with a check that the characters look drawn and not written.

Shapes as their issuers publish them; card prefixes by ISO/IEC 7812, the check digit by Luhn (US patent 2,950,048).
"""

from collections import Counter
from collections.abc import Iterator
from math import log2

import regex

ENTROPY = (
    3.0  # bits a character; 20 random letters and digits have about 4, "xxxxxxxx" and "your-key-here" less or no digits
)

# Shapes that nothing else has: prefix and length suffice.
_KEYS = regex.compile(
    r"(?<![\w-])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{36,255}+|github_pat_\w{60,255}+|glpat-[\w-]{20,64}+"
    r"|AIza[\w-]{35}"  # Google
    r"|hf_[A-Za-z0-9]{30,64}+|npm_[A-Za-z0-9]{36}|pypi-AgEI[\w-]{40,255}+"
    r"|[sr]k_live_[A-Za-z0-9]{16,255}+"  # Stripe
    r"|SG\.[\w-]{22}\.[\w-]{43}"  # SendGrid
    r"|eyJ[\w-]{10,4096}+\.eyJ[\w-]{10,4096}+\.[\w-]{16,1024}+"  # JSON Web Token
    r")(?![\w-])"
)
_PEM = regex.compile(
    r"-----BEGIN (?:[A-Z]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----[\s\\n]{0,8}+[A-Za-z0-9+/=\s\\:,-]{48}"
)
# Shapes that other words share: the body must look drawn.
_MAYBE = regex.compile(
    r"(?<![\w-])(?:"
    r"sk-(?:proj-|ant-|or-|svcacct-)?(?P<body>[\w-]{20,255}+)"
    r"|xox[abeoprs]-(?P<body>[\w-]{16,255}+)"
    r"|(?i:bearer)\s{1,4}(?P<body>[\w.~+/-]{20,1024}+)"
    r"|(?i:api[_ -]?key|secret(?:[_ -]?key)?|access[_ -]?token|auth[_ -]?token|password|passwd)[\"']?\s{0,4}[:=]\s{0,4}"
    r"[\"']?(?P<body>[\w.~+/!@#$%^&*-]{16,255}+)"
    r")"
)
_PUBLIC = ("EXAMPLE", "example", "XXXX", "xxxx", "0000000000", "1234567890", "your", "YOUR")

_CARD = regex.compile(r"(?<![A-Za-z\d_.,/+=-])(?<!\d )\d(?:[ -]?\d){12,18}+(?![A-Za-z\d_/=-])(?![.,]\d)(?! \d)")
_GROUPING = regex.compile(r"\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5}")
_ISSUER = regex.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|62\d{14,17}|220[0-4]\d{12}"  # UnionPay, Mir
)
_IBAN = regex.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){0,3} ?$")
# Numbers that payment services publish for tests.
_TEST_NUMBERS = """
4111111111111111 4242424242424242 4012888888881881 4000056655665556 5555555555554444 5105105105105100 2223003122003222
378282246310005 371449635398431 6011111111111117 6011000990139424 3530111333300000 3566002020360505 30569309025904
"""
_TEST_CARDS = frozenset(_TEST_NUMBERS.split())


def secrets(text: str) -> Iterator[str]:
    """API keys, tokens and private keys."""
    for match in _KEYS.finditer(text):
        if not _public(match.group()):
            yield match.group()
    for match in _PEM.finditer(text):
        yield match.group()
    for match in _MAYBE.finditer(text):
        if _drawn(match["body"]):
            yield match["body"]


def cards(text: str) -> Iterator[str]:
    """Card numbers that an issuer could have given out, written without separators or in the usual groups."""
    for match in _CARD.finditer(text):
        number = "".join(str(int(char)) for char in match.group() if char.isdecimal())
        if (
            _GROUPING.fullmatch(match.group())
            and _ISSUER.fullmatch(number)
            and number not in _TEST_CARDS
            and len(set(number[4:])) > 2
            and _luhn(number)
            and not _IBAN.search(text, max(0, match.start() - 24), match.start())
        ):
            yield match.group()


def _drawn(body: str) -> bool:
    """Letters and digits mixed as chance mixes them; not words, not a placeholder."""
    counts = Counter(body)
    entropy = -sum(n / len(body) * log2(n / len(body)) for n in counts.values())
    digits = sum(char.isdecimal() for char in body)
    letters = sum(char.isalpha() for char in body)
    return entropy >= ENTROPY and digits >= 2 and letters >= 2 and not _public(body)


def _public(key: str) -> bool:
    return any(word in key for word in _PUBLIC)


def _luhn(number: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(map(int, number[-1::-2])) + sum(doubled)) % 10 == 0
