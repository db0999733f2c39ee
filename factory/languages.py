"""The 93 languages of the method (those of XLM-R), their scripts and their shares.

Source: Wang et al. 2024 (arXiv 2401.00368), section 3 and table "languages"; shares measured in the paper:
English 43.1 %, the next 13 about 2.9 % each, the remaining 79 share 19.8 %. Codes are ISO 639-1.
Script names are Unicode's (``Scripts.txt``), the first one is the usual one.
"""

from typing import NamedTuple

ENGLISH_SHARE = 0.431
COMMON_SHARE = 0.371  # of the 13 common ones together: what the measured English and rare shares leave
RARE_SHARE = 0.198

COMMON = ("ar", "zh", "nl", "fr", "de", "id", "it", "ja", "fa", "pl", "pt", "ru", "es")


class Language(NamedTuple):
    """One language: ISO 639-1 code, English name, scripts it is written in (usual one first)."""

    code: str
    name: str
    scripts: tuple[str, ...] = ("Latin",)


_ALL = (
    Language("en", "English"),
    Language("ar", "Arabic", ("Arabic",)),
    Language("zh", "Chinese", ("Han",)),
    Language("nl", "Dutch"),
    Language("fr", "French"),
    Language("de", "German"),
    Language("id", "Indonesian"),
    Language("it", "Italian"),
    Language("ja", "Japanese", ("Han", "Hiragana", "Katakana")),
    Language("fa", "Persian", ("Arabic",)),
    Language("pl", "Polish"),
    Language("pt", "Portuguese"),
    Language("ru", "Russian", ("Cyrillic",)),
    Language("es", "Spanish"),
    Language("af", "Afrikaans"),
    Language("sq", "Albanian"),
    Language("am", "Amharic", ("Ethiopic",)),
    Language("hy", "Armenian", ("Armenian",)),
    Language("as", "Assamese", ("Bengali",)),
    Language("az", "Azerbaijani", ("Latin", "Cyrillic")),
    Language("eu", "Basque"),
    Language("be", "Belarusian", ("Cyrillic",)),
    Language("bn", "Bengali", ("Bengali",)),
    Language("bs", "Bosnian", ("Latin", "Cyrillic")),
    Language("br", "Breton"),
    Language("bg", "Bulgarian", ("Cyrillic",)),
    Language("my", "Burmese", ("Myanmar",)),
    Language("ca", "Catalan"),
    Language("hr", "Croatian"),
    Language("cs", "Czech"),
    Language("da", "Danish"),
    Language("eo", "Esperanto"),
    Language("et", "Estonian"),
    Language("tl", "Filipino"),
    Language("fi", "Finnish"),
    Language("gl", "Galician"),
    Language("ka", "Georgian", ("Georgian",)),
    Language("el", "Greek", ("Greek",)),
    Language("gu", "Gujarati", ("Gujarati",)),
    Language("ha", "Hausa"),
    Language("he", "Hebrew", ("Hebrew",)),
    Language("hi", "Hindi", ("Devanagari",)),
    Language("hu", "Hungarian"),
    Language("is", "Icelandic"),
    Language("ga", "Irish"),
    Language("jv", "Javanese"),
    Language("kn", "Kannada", ("Kannada",)),
    Language("kk", "Kazakh", ("Cyrillic", "Latin")),
    Language("km", "Khmer", ("Khmer",)),
    Language("ko", "Korean", ("Hangul", "Han")),
    Language("ku", "Kurdish", ("Latin", "Arabic")),
    Language("ky", "Kyrgyz", ("Cyrillic",)),
    Language("lo", "Lao", ("Lao",)),
    Language("la", "Latin"),
    Language("lv", "Latvian"),
    Language("lt", "Lithuanian"),
    Language("mk", "Macedonian", ("Cyrillic",)),
    Language("mg", "Malagasy"),
    Language("ms", "Malay"),
    Language("ml", "Malayalam", ("Malayalam",)),
    Language("mr", "Marathi", ("Devanagari",)),
    Language("mn", "Mongolian", ("Cyrillic", "Mongolian")),
    Language("ne", "Nepali", ("Devanagari",)),
    Language("no", "Norwegian"),
    Language("or", "Odia", ("Oriya",)),
    Language("om", "Oromo"),
    Language("ps", "Pashto", ("Arabic",)),
    Language("pa", "Punjabi", ("Gurmukhi",)),
    Language("ro", "Romanian"),
    Language("sa", "Sanskrit", ("Devanagari",)),
    Language("gd", "Scottish Gaelic"),
    Language("sr", "Serbian", ("Cyrillic", "Latin")),
    Language("sd", "Sindhi", ("Arabic", "Devanagari")),
    Language("si", "Sinhala", ("Sinhala",)),
    Language("sk", "Slovak"),
    Language("sl", "Slovenian"),
    Language("so", "Somali"),
    Language("su", "Sundanese"),
    Language("sw", "Swahili"),
    Language("sv", "Swedish"),
    Language("ta", "Tamil", ("Tamil",)),
    Language("te", "Telugu", ("Telugu",)),
    Language("th", "Thai", ("Thai",)),
    Language("tr", "Turkish"),
    Language("uk", "Ukrainian", ("Cyrillic",)),
    Language("ur", "Urdu", ("Arabic",)),
    Language("ug", "Uyghur", ("Arabic",)),
    Language("uz", "Uzbek", ("Latin", "Cyrillic")),
    Language("vi", "Vietnamese"),
    Language("cy", "Welsh"),
    Language("fy", "Western Frisian"),
    Language("xh", "Xhosa"),
    Language("yi", "Yiddish", ("Hebrew",)),
)

LANGUAGES: dict[str, Language] = {language.code: language for language in _ALL}


def default_weights() -> dict[str, float]:
    """Share of each language in the method, to six places, in the order of :data:`LANGUAGES`."""
    rare = len(LANGUAGES) - 1 - len(COMMON)

    def share(code: str) -> float:
        if code == "en":
            return ENGLISH_SHARE
        return COMMON_SHARE / len(COMMON) if code in COMMON else RARE_SHARE / rare

    return {code: round(share(code), 6) for code in LANGUAGES}
