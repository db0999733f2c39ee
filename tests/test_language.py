"""Gate ``language``: texts in another language go, texts in the claimed one stay, doubt is said."""

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.records import PAIRS, VERDICTS
from pairsmith.factory.spec import LanguageSpec
from pairsmith.validators import claim, detect, foreign
from pairsmith.validators.claim import Reading, agreed, family, is_under, p_claim
from pairsmith.validators.language import LanguageGate
from pairsmith.validators.prose import prose, unquoted

GATE = LanguageGate(LanguageSpec())


def table(query, language, positive="1", document_language=None, group="short_short"):
    row = dict.fromkeys(PAIRS.names) | {
        "id": "a",
        "request_id": "a",
        "content_hash": "",
        "instruction": "",
        "model": "m",
    }
    row |= {"group": group, "query": query, "positive": positive, "negatives": [], "query_language": language}
    return pa.Table.from_pylist([row | {"document_language": document_language or language}], schema=PAIRS)


def judge(text, language, strictness=1.0):
    """Verdict and reason on the query."""
    line = LanguageGate(LanguageSpec(strictness=strictness)).judge(table(text, language)).to_pylist()[0]
    return line["verdict"], line["reason"], line


OTHER_LANGUAGE = [
    ("nl", "The council will publish the new timetable before the end of the month.", "wrong_language"),
    ("es", "Os moradores do bairro pediram à câmara que reparasse a ponte antes do inverno.", "wrong_language"),
    ("fr", "Der Ausschuss hat den Antrag gestern Abend ohne Gegenstimmen angenommen.", "wrong_language"),
    ("uk", "Жители посёлка попросили администрацию отремонтировать мост до наступления зимы.", "wrong_language"),
    ("ur", "كان الطقس باردا جدا في ذلك اليوم ولم يخرج أحد من البيت.", "wrong_language"),
    ("ja", "这座城市的公共交通系统在过去十年中得到了显著改善，居民的出行更加方便。", "wrong_language"),
    ("zh", "この町では毎年夏に大きな祭りが開かれ、多くの人が集まります。", "wrong_language"),
    ("sw", "The farmers wait for the rain before they plant their maize in the valley.", "wrong_language"),
    ("ha", "The farmers wait for the rain before they plant their maize in the valley.", "wrong_language"),
    ("ko", "The farmers wait for the rain before they plant their maize in the valley.", "wrong_script"),
    ("en", "Фермеры ждут дождя, прежде чем сажать кукурузу в долине.", "wrong_script"),
    ("hi", "kya aap mujhe bata sakte hain ki yah yantra kaise kaam karta hai aur kitne ka hai", "wrong_script"),
    ("de", "How do I clean the filter of my coffee machine?", "wrong_language"),
]


@pytest.mark.parametrize(("language", "text", "reason"), OTHER_LANGUAGE)
def test_a_text_in_another_language_is_dropped(language, text, reason):
    assert judge(text, language)[:2] == ("drop", reason)


STAYS = [
    ("zh", "空气净化器推荐"),
    ("zh", "北京到上海高铁多久"),
    ("ja", "東京都庁 展望台 営業時間"),
    ("ja", "量子力学入門"),
    ("ko", "Samsung Galaxy S24 Ultra 256GB"),
    ("ko", "갤럭시 버즈 Galaxy Buds2 Pro noise cancelling 안 될 때"),
    ("hi", "Taj Mahal"),
    ("ru", "iPhone 15 Pro Max или Samsung Galaxy S24 Ultra"),
    ("th", "Python pandas DataFrame merge"),
    ("de", "Error 0x80070057"),
    ("fr", "42"),
    ("fr", "§ 12.4.7"),
    ("es", "Gabriel García Márquez, Mario Vargas Llosa, Jorge Luis Borges, Julio Cortázar, Octavio Paz"),
    ("nl", "The Lord of the Rings: The Fellowship of the Ring, The Two Towers, The Return of the King"),
    ("id", "find /var/log/aplikasi -type f -name '*.log' -mtime +30 -delete"),
    ("pl", "def add_item(self, item_name, price):\n    self.items[item_name] = price\n    return self.total()"),
    ("bs", "Vlada je jučer usvojila novi zakon o zaštiti životne sredine."),
    ("sr", "Vlada je juče usvojila novi zakon o zaštiti životne sredine."),
    ("sr", "Влада је јуче усвојила нови закон о заштити животне средине."),
    ("ms", "Kerajaan telah meluluskan peruntukan tambahan untuk sekolah luar bandar."),
    ("so", "Beeralaydu waxay sugayaan roobka ka hor inta aysan beerin galleyda dooxada."),
    ("en", "'C'est la vie', my grandmother used to say whenever the bread came out of the oven burnt."),
]


@pytest.mark.parametrize(("language", "text"), STAYS)
def test_suspicious_but_right_texts_are_not_dropped(language, text):
    assert judge(text, language)[0] != "drop"


MIXED = [
    (
        "nl",
        "De gemeente wil de brug nog dit jaar vervangen. The contractor has warned that the costs may rise by a third. "
        "Bewoners kunnen tot eind mei bezwaar maken tegen het plan.",
        "The contractor has warned",
    ),
    (
        "it",
        "Il comune vuole sostituire il ponte entro l'anno, but the contractor has warned that the costs may rise by a "
        "third, e i residenti possono presentare osservazioni fino alla fine di maggio.",
        "but the contractor",
    ),
    (
        "ko",
        "시는 올해 안에 다리를 교체할 계획이다. 그러나 the contractor has warned that the costs may rise by a third "
        "라고 관계자는 말했다. 주민들은 5월 말까지 의견을 낼 수 있다.",
        "the contractor has",
    ),
    (
        "en",
        "The council wants to replace the bridge this year. 承包商警告说费用可能会上涨三分之一，工程也会推迟。 "
        "Residents may object until the end of May.",
        "承包商警告",
    ),
    (
        "ru",
        "Город хочет заменить мост в этом году. Die Baufirma warnt, dass die Kosten um ein Drittel steigen könnten. "
        "Жители могут возразить до конца мая.",
        "Die Baufirma",
    ),
]


@pytest.mark.parametrize(("language", "text", "excerpt"), MIXED)
def test_a_sentence_in_another_language_is_dropped_with_its_excerpt(language, text, excerpt):
    verdict, reason, line = judge(text, language)
    assert (verdict, reason) == ("drop", "mixed_language")
    assert excerpt in line["related"]


NOT_MIXED = [
    (
        "de",
        "Der Grundsatz „nulla poena sine lege certa, scripta, stricta et praevia“ bindet den Richter im Strafrecht.",
    ),
    (
        "de",
        "Nach dem Grundsatz nemo tenetur se ipsum accusare muss sich niemand selbst belasten; "
        "in dubio pro reo gilt auch.",
    ),
    (
        "fr",
        "Le panneau à l'entrée dit : « Please keep off the grass and do not feed the birds near the lake ». "
        "Personne ne le lit.",
    ),
    (
        "es",
        'Para pedir la cuenta se dice "Could I have the bill, please?" y para agradecer "That is very kind of you". '
        'En cambio, "Give me the bill" suena brusco.',
    ),
    (
        "ja",
        "本論文ではTransformerとConvolutional Neural Networkを組み合わせた"
        "Vision Language Modelを提案し、ImageNetで評価した。",
    ),
    ("pl", "Wilk szary (Canis lupus lupus Linnaeus) i lis rudy (Vulpes vulpes) żyją w tych samych lasach co borsuk."),
    (
        "sv",
        "Metoden beskrivs av Smith et al. (2019), A survey of the methods that are used for the training of large "
        "models, Journal of Machine Learning, vol. 12. Den används ofta.",
    ),
    (
        "tr",
        "Projeyi kurmak için `git clone the repository and run the install script` yazın, ardından ayarları kaydedin.",
    ),
    (
        "fi",
        "Elokuva The Assassination of Jesse James by the Coward Robert Ford palkittiin "
        "Venetsiassa parhaasta näyttelijästä.",
    ),
    ("ko", "구글 딥마인드(Google DeepMind, a research laboratory that belongs to Alphabet Inc.)는 알파고를 만들었다."),
    (
        "pt",
        "# Soma os valores da lista\ndef sum_of_all_the_values(values_of_list):\n    total_of_values = 0\n"
        "    for value in values_of_list:\n        total_of_values += value\n    return total_of_values",
    ),
]


@pytest.mark.parametrize(("language", "text"), NOT_MIXED)
def test_quotations_titles_terms_and_code_do_not_make_a_text_mixed(language, text):
    assert judge(text, language)[0] != "drop"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ha", "Manoma suna jiran ruwan sama kafin su shuka masara a kwarin."),
        ("xh", "Abalimi balinde imvula phambi kokuba batyale umbona entlanjeni."),
        ("om", "Qonnaan bultoonni boqqolloo facaasuu dura rooba eegu."),
    ],
)
def test_a_language_that_no_detector_knows_is_unverified(language, text):
    assert judge(text, language)[:2] == ("unverified", "no_detector")


def test_labels_are_not_dropped_for_their_language():
    rows = table(
        "Ich warte seit drei Wochen auf meine Rückzahlung und niemand antwortet.",
        "de",
        "refund_not_received",
        None,
        "long_short",
    )
    lines = GATE.judge(rows).to_pylist()
    assert [line["verdict"] for line in lines] == ["keep", "unverified"]


def test_each_side_of_a_bitext_row_is_held_against_its_own_language():
    german, english = (
        "Der Zug nach Bremen fährt heute von Gleis sieben ab.",
        "The train to Bremen leaves from platform seven today.",
    )
    right = GATE.judge(table(german, "de", english, "en", "bitext")).to_pylist()
    wrong = GATE.judge(table(german, "de", german, "en", "bitext")).to_pylist()
    assert [line["verdict"] for line in right] == ["keep", "keep"]
    assert [(line["field"], line["verdict"]) for line in wrong] == [("query", "keep"), ("positive", "drop")]


def test_code_is_judged_by_its_comments():
    code = "def area(r):\n    # {}\n    return 3.14159 * r ** 2\n\nprint(area(2))\n"
    swedish = code.format("Beräknar arean av en cirkel när radien är känd och ger svaret i kvadratmeter")
    assert judge(swedish, "sv")[0] == "keep"
    assert judge(swedish, "pt")[0] == "drop"


def test_strictness_above_one_drops_no_less():
    verdicts = [judge(text, language, 3.0)[0] for language, text, _ in OTHER_LANGUAGE]
    assert verdicts == ["drop"] * len(OTHER_LANGUAGE)


def test_every_language_has_thresholds_or_is_known_to_have_none():
    known = json.loads(Path(claim.DATA).read_text(encoding="utf-8"))["languages"]
    assert set(LANGUAGES) - {name[:2] for name in known} == {"as", "or", "sd"}
    assert all(len(item["doubt"]) == len(claim.BINS) + 1 and max(item["doubt"]) <= 0.5 for item in known.values())


@given(st.text(max_size=200), st.sampled_from(sorted(LANGUAGES)))
@settings(max_examples=150, deadline=None)
def test_any_text_gets_one_line_for_each_field(text, language):
    lines = GATE.judge(table(text, language))
    assert lines.schema == VERDICTS
    assert lines["field"].to_pylist() == ["query", "positive"]


WORDS = st.sampled_from(sorted({word for _, text, _ in OTHER_LANGUAGE for word in text.split()}))
CLAIM = st.sampled_from(["en", "de", "ja", "zh", "no", "hr", "id", "ar", "az", "ru", "so", "ha"])


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=12).map(" ".join), CLAIM, st.floats(0.001, 1.0))
def test_small_probabilities_that_are_not_asked_for_change_nothing(line, language, bound):
    whole, lazy = Reading(line), Reading(line)
    assert max(whole.shares, key=whole.shares.__getitem__) == whole.first == lazy.first
    p = sum(whole.shares.get(name, 0.0) for name in claim.allied(whole, language))
    assert p == p_claim(whole, language) == p_claim(lazy, language)
    assert (p < bound) == is_under(whole, language, bound) == is_under(lazy, language, bound)
    share, second = whole.shares[whole.first], whole.second
    sure = share >= claim.SURE or (second is not None and second.reliable and share >= claim.LIKELY)
    named = second is not None and second.language in family(whole.first)
    assert bool(agreed(whole)) == bool(agreed(lazy)) == (sure and named)
    assert claim.judge(whole, language) == claim.judge(lazy, language)


@given(st.text(alphabet="ab A.,;:\"'“”«»()[]{}$\\`<>*_=/#@-\n中わعд1", max_size=300))
@settings(max_examples=200, deadline=None)
def test_blanking_keeps_length_and_lines(text):
    for blanked in (prose(text), unquoted(text)):
        assert len(blanked) == len(text)
        assert [i for i, c in enumerate(blanked) if c == "\n"] == [i for i, c in enumerate(text) if c == "\n"]


@pytest.mark.parametrize("piece", ["(", "«", "$", "\\(", "word, ", "if (", "`", "<a", "* ", "'", "a.b", "--a", "/a/b"])
def test_long_hostile_texts_are_judged_in_a_moment(piece):
    text = piece * (100_000 // len(piece))
    assert len(unquoted(prose(text))) == len(text)


def test_the_verdict_on_a_row_does_not_depend_on_its_neighbours():
    rows = [table(text, language) for language, text, _ in OTHER_LANGUAGE]
    together = GATE.judge(pa.concat_tables(rows))
    assert together.equals(pa.concat_tables([GATE.judge(row) for row in rows]))


def test_a_detector_label_is_given_as_iso_639_1():
    assert [detect.canonical(label) for label in ("iw", "nn", "zh-Hant", "ckb", "de")] == ["he", "no", "zh", "ku", "de"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([text for _, text, _ in OTHER_LANGUAGE]), min_size=1, max_size=4).map(" ".join), CLAIM)
def test_a_failing_text_half_in_another_language_need_not_be_looked_through_to_its_end(text, language):
    found, everywhere = GATE.judge(table(text, language)), foreign.excerpts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            foreign,
            "excerpts",
            lambda texts, wanted, _, strictness: everywhere(texts, wanted, [math.inf] * len(texts.texts), strictness),
        )
        assert found.equals(GATE.judge(table(text, language)))
