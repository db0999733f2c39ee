"""E-mail addresses and phone numbers of the kind that belong to people.

Not those of a function (info@), of documentation (example.org, RFC 2606; 555-01xx), of nobody in particular (toll-free
and short numbers). An invented person's address looks like a real one: whether it is, only a person can tell.
"""

from collections.abc import Iterator

import regex

_EMAIL = regex.compile(
    r"(?<![A-Za-z0-9_.%+@/-])[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_])?"
    r"@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9_@-])"
)
_RESERVED = frozenset(("test", "example", "invalid", "localhost", "local", "internal", "lan"))
_FILES = frozenset(
    ("png", "jpg", "jpeg", "gif", "svg", "webp", "js", "json", "css", "html", "txt", "yaml", "yml", "exe")
)
_ROLE_WORDS = """
abuse accounts admin administrator alumni appointments atendimento billing biuro booking bookings careers
comunicacao comunicazione contact contacto contactus contato contatti customerservice dataprotection datenschutz
destek dpo editor editorial editors enquiries events feedback finance foo frontdesk git hallo hello help
helpdesk hi hotline hr ict iletisim info informacion informacje information inquiries investors it jobs kontakt
kundenservice legal library mail mailer marketing media member membership moderator news newsletter noreply
notifications office online orders partners postmaster praxis presse press privacy pr program queries receipts
reception redaktion redaction registrar registration reply reservas reservations returns root safety sales
secretariat secretary security sekretariat service services shop soporte spam staff stage subscribe suporte
support survey team tech techsupport ticket tickets training unsubscribe user username verwaltung volunteer web
webmail webmaster welcome someone somebody anyone nobody name yourname firstname lastname email bar donotreply
servicio ventas bilgi zamowienia kundeservice kundtjanst asiakaspalvelu
"""
_ROLES = frozenset(_ROLE_WORDS.split())
_NOBODY = ("no.reply", "do.not.reply", "john.doe", "jane.doe", "max.mustermann", "erika.mustermann", "your.name")

_GROUP = r"[ .\-/\u00a0\u2011]?\(?\d{1,5}\)?"
_INTERNATIONAL = regex.compile(
    rf"(?<![A-Za-z\d_+.,/=^*)-])(?:\+|(?<!\d )00(?=[1-9]\d))[1-9]\d{{0,2}}(?:{_GROUP}){{2,7}}+(?![A-Za-z\d_%°€$£])"
)
_AMERICAN = regex.compile(
    r"(?<![A-Za-z\d_.+/-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d(?P<sign>[.-]))"
    r"[2-9]\d\d(?(sign)(?P=sign)|[ .-])\d{4}(?![A-Za-z\d_-]|\.\d)"
)
_NATIONAL = regex.compile(rf"(?<![A-Za-z\d_+.,/-])\(?\d{{1,5}}+\)?(?:{_GROUP}){{1,6}}+(?![A-Za-z\d_%°€$£])")
# Words that announce a phone number, in the languages' own spelling.
_CUES = r"""
tel|phone|telephone|mobile|cell(?:phone)?|call|text|whatsapp|viber|sms|fax|telefon\w*|t[eé]l[eé]fono|t[eé]l[eé]phone
|telefone|celular|m[oó]vil|telemóvel|handy|handynummer|mobil\w*|gsm|puh|puhelin\w*|tlf|mob|telepon|hp|simu|cep|nomor
|tel[eé]fon\w*|gọi|sđt|đt|điện\ thoại|тел|телефон\w*|моб\w*|звоните|τηλ|τηλέφωνο|κινητό|טל|טלפון|נייד
"""
_CUES_ANYWHERE = r"""
هاتف|جوال|موبايل|تلفن|موبایل|فون|फ़ोन|फोन|मोबाइल|ফোন|মোবাইল|தொலைபேசி|மொபைல்|ఫోన్|โทร|เบอร์|电话|電話|手机|手機|携帯
|전화|휴대폰|연락처
"""
_CUE = regex.compile(rf"(?x:\b(?:{_CUES})\b|{_CUES_ANYWHERE})[^\d\n+(]{{0,16}}$", regex.IGNORECASE)
_FICTION = regex.compile(
    r"(?:1?\d{3})?555\d{4}$"  # North America: 555-01xx, and 555 as films use it
    r"|(?:44|0)(?:1632960|2079460|7700900|1134960|1164960|1614960)\d{3}$"  # Ofcom: for drama
    r"|(?:33|0)(?:19900|26191|35301|46571|53649|63998)\d{4}$"  # Arcep
    r"|(?:49|0)(?:3023125|6990009|4066969|2214710|8999998)\d{2,3}$"  # Bundesnetzagentur
    r"|(?:61|0)(?:491570|25550|35550|75550|85550)\d{3,5}$"  # ACMA
)
_TOLL_FREE = regex.compile(
    r"1?8(?:00|33|44|55|66|77|88)\d{7}$|\d{0,3}0?80[08]\d{4,8}$|0(?:18[05]|50[05]|700|90\d|116)\d{3,8}$"
)
DIGITS = (8, 15)  # of a phone number with its area; E.164 allows 15, and shorter ones are service numbers


def emails(text: str) -> Iterator[str]:
    """E-mail addresses that are neither a function's nor documentation's."""
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        local, _, domain = match.group().lower().partition("@")
        if not _is_role(local) and not _is_reserved(domain):
            yield match.group()


def phones(text: str) -> Iterator[str]:
    """Phone numbers: international, North American, and national ones after a word that announces them."""
    taken = 0
    for match in sorted(_numbers(text), key=lambda found: (found.start(), -found.end())):
        digits = "".join(str(int(char)) for char in match.group() if char.isdecimal())
        if match.start() < taken or not DIGITS[0] <= len(digits) <= DIGITS[1] or _is_other(match.group(), digits):
            continue
        taken = match.end()
        yield match.group()


def _numbers(text: str) -> Iterator["regex.Match[str]"]:
    yield from _INTERNATIONAL.finditer(text)
    yield from _AMERICAN.finditer(text)
    for match in _NATIONAL.finditer(text):
        if _CUE.search(text, max(0, match.start() - 40), match.start()):
            yield match


def _is_role(local: str) -> bool:
    pieces = regex.split(r"[._+-]", local)
    nobody = ".".join(pieces).startswith(_NOBODY) or local.isdecimal()
    return nobody or not _ROLES.isdisjoint((pieces[0], pieces[-1]))


def _is_reserved(domain: str) -> bool:
    labels = domain.split(".")
    return labels[-1] in _RESERVED | _FILES or "example" in labels


def _is_other(shown: str, digits: str) -> bool:
    """A date, an amount, a public or an invented number."""
    national = digits.removeprefix("00")
    if _FICTION.search(national) or _TOLL_FREE.match(national) or len(set(digits)) < 3:
        return True
    groups = regex.findall(r"\d+", shown)
    thousands = len(groups) > 2 and all(len(group) == 3 for group in groups[1:]) and len(digits) <= 9
    date = regex.fullmatch(r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?|\d\d?[-./ ]\d\d?[-./ ](?:19|20)\d\d", shown)
    years = all(regex.fullmatch(r"(?:19|20)\d\d", group) for group in groups)
    return thousands or years or date is not None
