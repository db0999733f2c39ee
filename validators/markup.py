"""What the form of an answer leaves in its texts: chat template tokens, fences, JSON, HTML, escapes.

A text about such marks shows them, and code is made of them: both pass.
"""

import re
from functools import cache

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon
from pairsmith.validators.prose import prose
from pairsmith.validators.topic import about

# Control tokens of chat templates, of all families; the vertical bar also comes full width.
_TOKEN = re.compile(
    r"<[|｜][\w▁ ]{2,40}[|｜]>|<(?:start|end)_of_(?:turn|text|utterance)>|\[/?INST\]|<</?SYS>>"
    r"|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]"
    r"|<\|?/?(?:system|user|assistant|human|bot|end)\|>|\A<s>(?!\w)|</s>\s*\Z|<(?:eos|bos|pad|unk|sep|cls)>\s*\Z"
    r"|\A<(?:eos|bos|pad)>"
    r"|<end_of_text>|<\|im_(?:start|end|sep)\|?>?|\[(?:CLS|SEP|EOS|BOS)\]\s*\Z|\A\[(?:CLS|BOS)\]"
)
_TURN = re.compile(
    r"\A[\s#*>]*(?:human|assistant|system|chatgpt|ai|bot|model|instruct(?:ion)?s?|response)[*\s]*:[*\s]", re.I
)
_SPEAKER = re.compile(r"^[ \t*#>\[]{0,9}([^\s\d:：*#>\[\]][^\n:：*\[\]]{1,24}?)[ \t*\]]{0,9}[:：]", re.M)
_TURN_LINE = re.compile(r"^[\s*>]*[^\W\d_][\w .'’()-]{0,30}[*\s]*[:：]", re.M)
_HEADED = re.compile(
    r"(?:^|\n)[ \t]{0,9}#{2,6}[ \t]{0,9}"
    r"(?:instructions?|response|input|output|system|user|assistant|human|query|end)\s*:?\s*(?:\n|\Z)",
    re.I,
)
_THINK = re.compile(
    r"</?(?:think|thinking|thought|reasoning|scratchpad|reflection|answer|final_answer|output|tool_call|function_call)>",
    re.I,
)

_FENCED = re.compile(r"\A\s*(`{3,9}|~{3,9})[ \t]{0,9}([\w+-]{0,20})[ \t]{0,9}\n?(.*?)\n?[ \t]{0,9}\1\s*\Z", re.S)
_FENCE_END = re.compile(r"\A\s*`{3,9}(?:json|text|txt|markdown|md|plaintext)?\s|\n`{3,}\s*\Z")
_PROSE_FENCES = frozenset({"", "json", "text", "txt", "markdown", "md", "plaintext"})
_KEYS = (
    "user_query|positive_document|hard_negative_document|input_text|misleading_label"
    "|label|input|S[123]|query|positive|negative|document"
)
_WRAPPED = re.compile(
    rf"\A\s{{0,9}}[\[{{]?\s{{0,9}}[\"']?(?:{_KEYS})[\"'] ?: ?[\"']|\A\s{{0,9}}\{{\s{{0,9}}[\"']?(?:{_KEYS})[\"']? ?:"
)
_TAILED = re.compile(r"[\"”][\s,]{0,9}\}\s{0,9}(?:`{3}\s{0,9})?\Z|[\"'] ?, ?[\"'](?:" + _KEYS + r")[\"']\s*:")
_ELEMENT = re.compile(r"\A\s*<([A-Za-z][\w-]{1,30})>.*</\1>\s*\Z", re.S)
_NAMED_ELEMENT = re.compile(
    r"\A\s*</?(?:query|document|passage|text|sentence|user_query|positive|negative|"
    r"input|label|example|response|result|json|content)>"
    r"|</(?:query|document|passage|user_query|sentence|input|label|response)>\s*\Z",
    re.I,
)

_HTML = re.compile(
    r"</?(?:br|p|div|span|a|b|i|u|em|strong|ul|ol|li|table|tr|td|th|tbody|thead|h[1-6]|"
    r"img|font|center|hr|pre|blockquote|sup|sub|html|body|head|script|style)"
    r"(?:\s+[a-z-]{1,30}\s*=\s*[\"'][^\"'<>]{0,300}[\"'])*\s*/?>",
    re.I,
)
_ENTITY = re.compile(
    r"&(?:nbsp|amp|lt|gt|quot|apos|[lr]squo|[lr]dquo|[mn]dash|hellip|"
    r"copy|reg|eacute|egrave|[aouAOU]uml|szlig|#\d{2,6}|#x[0-9a-f]{2,6});",
    re.I,
)
_ESCAPE = re.compile(
    r"(?:\\u[0-9a-fA-F]{4}\s?){2}|\\n\\n|[.!?:,;”\"]\\n(?=[^a-z\s\\]|- )|\\t\\t|\\r\\n|(?<=\w)\\\"(?=[\w ,.])"
)


def code_share(text: str) -> float:
    """Share of the visible characters that stand in code, formulas or links."""
    visible = len("".join(text.split()))
    return 1 - len("".join(prose(text).split())) / visible if visible else 0.0


def role_leak(text: str, context: str) -> str | None:
    """A chat template's token or turn in ``text``, or None. ``context``: the row's instruction and query."""
    marked = "<" in text or "[" in text or "##" in text
    if marked and (match := _TOKEN.search(text) or _THINK.search(text) or _HEADED.search(text)):
        rest = text.replace(match.group(), " ")
        explained = about("tokens", rest, context.replace(match.group(), " "))
        shown = match.start() > 0 or " " in rest.strip()
        coded = match.re is not _TOKEN and (about("markup", rest) or code_share(rest) > 0.3)
        if not (explained and shown) and not coded:
            return match.group().strip()
    if (match := _TURN.match(text)) and len(_TURN_LINE.findall(text)) < 2 and not about("tokens", context):
        return match.group().strip()
    turn = _turns(text)
    return None if turn is None or about("chats", context) else turn


@cache
def _speakers() -> tuple[Phrases, Phrases]:
    turns = read_lexicon("pairsmith.validators", "format.yml")["turns"]
    return Phrases(turns["user"]), Phrases(turns["assistant"])


def _turns(text: str) -> str | None:
    """The user's words before a text that is the assistant's one turn; a longer exchange is a chat to be read."""
    turns = [plain(match[1]) for match in _SPEAKER.finditer(text)]
    if len(turns) != 2 or not plain(text).lstrip("*#>[ ").startswith(turns[0]):
        return None
    user, assistant = _speakers()
    return turns[0] if user.fullmatch(turns[0]) and assistant.fullmatch(turns[1]) else None


def markup_leak(text: str, context: str) -> str | None:
    """The fence, JSON, tag, entity or escape left in ``text``, or None. ``context``: the row's instruction and query."""
    return (
        _wrapped(text, context)
        or (_html(text, context) if "<" in text or "&" in text else None)
        or _escaped(text, context)
    )


def _wrapped(text: str, context: str) -> str | None:
    if fence := _FENCED.match(text):
        code = fence.group(2).lower() not in _PROSE_FENCES or code_share(fence.group(3)) >= 0.3
        return None if code and about("code", context) else fence.group()[:40]
    if text.count("```") % 2 and (edge := _FENCE_END.search(text)):
        return edge.group().strip()
    if match := _WRAPPED.search(text) or (_TAILED.search(text) if "}" in text or ":" in text else None):
        if match.re is _TAILED:
            return None if text.count("{") == text.count("}") or code_share(text) > 0.5 else match.group().strip()
        return None if about("code", context) else match.group().strip()
    element = (_ELEMENT.match(text) or _NAMED_ELEMENT.search(text)) if "<" in text else None
    return element.group().strip()[:40] if element and not about("markup", context) else None


def _html(text: str, context: str) -> str | None:
    match = _HTML.search(text) or _ENTITY.search(text)
    if match is None or about("markup", context):
        return None
    rest = _ENTITY.sub(" ", _HTML.sub(" ", text))
    return None if about("markup", rest) or code_share(rest) > 0.2 else match.group()


def _escaped(text: str, context: str) -> str | None:
    match = _ESCAPE.search(text) if "\\" in text else None
    if match is None or about("markup", context, text) or code_share(text) > 0.2:
        return None
    return match.group()
