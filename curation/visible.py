"""Texts as people are shown them: nothing invisible, nothing that turns the page around, nothing endless."""

_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}
_HIDDEN = [*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, *range(0xE0000, 0xE0080)]
_SHOWN = str.maketrans(_CONTROLS | {code: f"⟨U+{code:04X}⟩" for code in _HIDDEN})


def visible(text: str) -> str:
    """The text with control characters as pictures (U+2400 ...); C1 controls, direction overrides and tags named."""
    return text.translate(_SHOWN)


def clip(text: str, limit: int) -> tuple[str, int]:
    """The first ``limit`` characters at most, and how many characters that leaves out."""
    return text[:limit], max(0, len(text) - limit)
