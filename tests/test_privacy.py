"""Gate ``privacy``: what belongs to a person or opens a door is found; what only looks like it passes."""

import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import PrivacySpec
from pairsmith.validators.privacy import PrivacyGate, masked, personal

BODY = "aZ3kQ9xW7mLp2RtY8vBn4Cs6"  # made up; keys are put together here so that no scanner takes them for real ones

FOUND = [
    ("secret", f"export OPENAI_API_KEY=sk-proj-{BODY}{BODY}"),
    ("secret", "key id AKIA" + "QWERTZUIOP234567"),
    ("secret", "push with ghp_" + (BODY + BODY)[:36]),
    ("secret", "maps?key=AIza" + (BODY + BODY)[:35]),
    ("secret", f"slack xoxb-2345678901-{BODY}"),
    ("secret", f"Authorization: Bearer {BODY}"),
    ("secret", f"eyJ{BODY}.eyJ{BODY}.{BODY}"),
    ("secret", f"password = '{BODY}'"),
    ("secret", "-----BEGIN RSA " + f"PRIVATE KEY-----\n{BODY}\n{BODY}\n{BODY}\n"),
    ("card_number", "Meine Karte 4539 1488 0343 6467 läuft ab"),
    ("card_number", "pagué con la 5425233430109903."),
    ("card_number", "カード番号は３７６１-２９８４５０-１７３６０です"),
    ("email", "Schreib an jana.kowalczyk84@gmail.com!"),
    ("email", "联系 li.wei@mail.tsinghua.edu.cn 即可"),
    ("email", "<h.lindqvist@norrtech.se>"),
    ("phone", "Ring mig på +46 70 174 06 29 ikväll"),
    ("phone", "Call me at (212) 736-5019 after six"),
    ("phone", "Тел.: 8 (916) 345-67-18"),
    ("phone", "Tel. 0176 4582 9163, abends"),
    ("phone", "手机：13812739046"),
    ("phone", "मोबाइल: 98765 12340"),
    ("phone", "휴대폰 010-4827-1936"),
    ("phone", "WhatsApp: +55 (11) 98273-4410"),
    ("phone", "هاتف: 0501 827 364"),
]


@pytest.mark.parametrize(("reason", "text"), FOUND)
def test_personal_data_and_secrets_are_found(reason, text):
    assert list(personal(text)) == [reason]


PASSES = [
    "pip install sk-learn-contrib-extension-packages",
    "Set api_key = 'YOUR_API_KEY_GOES_HERE_123' first.",
    "The documentation's key is AKIAIOSFODNN7EXAMPLE.",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "The bearer of-this-letter-is-my-trusted-friend-and-servant.",
    "A PEM file begins with -----BEGIN PRIVATE KEY----- and ends alike.",
    "password: correct-horse-battery-staple",
    "ISBN 978-3-16-148410-0, 0-306-40615-2",
    "IBAN DE89 3704 0044 0532 0130 00, AT61 1904 3002 3457 3201",
    "Die Testkarte 4242 4242 4242 4242 funktioniert immer.",
    "Order 4539 1488 0343 6468 was shipped.",  # check digit wrong
    "info@stadtwerke.de, support-eu@shop.com, noreply@bank.pl, kundenservice@firma.at",
    "jane@example.org, tom@mail.example.com, x@printer.local, john.doe@gmail.com",
    "git clone git@github.com:org/repo.git and open icon@2x.png",
    "Follow @anna@mastodon.social",
    "Call 555-0142 or (212) 555-0187; in Britain 020 7946 0321.",
    "Call 1-800-273-8255, 0800 111 0 111, +49 800 1110111, 112, 911, 116 117",
    "Das Aktenzeichen 2 BvR 1234/56 vom 12.03.2019, BGBl. 2019 I S. 1234",
    "Tel Aviv, 32.0853, 34.7818; 2019-2020-2021",
    "от 1 000 000 000 до 2 500 000 000 рублей, +25 000 000 за год",
    "π = 3.14159265358979323846, 1.234.567,89 €",
    "C₆H₁₂O₆, CAS 50-99-7, EC 200-075-1, Art.-Nr. 400-123-456",
    "2024-05-17 08:30:00, 17/05/2024, 令和6年5月17日",
    "The call of 2019-11-05 drew 1.200 phones and 300 000 000 texts.",
    "身份证由18位数字组成。电话发明于1876年。",
    "전화는 1876년에 발명되었다.",
    "Der Anruf kam 1945/1946, Telefon war selten.",
]


@pytest.mark.parametrize("text", PASSES)
def test_what_only_looks_like_it_passes(text):
    assert personal(text) == {}


def judge(action, text):
    fixed = {"id": "r", "request_id": "r", "content_hash": "h", "instruction": "task", "model": "m", "group": "sts"}
    languages = {"query_language": "en", "document_language": "en"}
    rows = [{**fixed, **languages, "query": text, "positive": "a", "negatives": ["b"]}]
    return PrivacyGate(PrivacySpec(action=action)).judge(pa.Table.from_pylist(rows, schema=PAIRS)).to_pylist()


def test_the_row_is_reported_by_default_and_dropped_on_request():
    text = "Write to jana.kowalczyk84@gmail.com or tom.ashdown@gmail.com, or call +46 70 174 06 29."
    for action, verdict in (("report", "unverified"), ("drop", "drop")):
        lines = judge(action, text)
        assert [(line["field"], line["verdict"], line["reason"], line["score"]) for line in lines] == [
            ("query", verdict, "email", 2.0),
            ("query", verdict, "phone", 1.0),
            ("positive", "keep", None, None),
            ("negative", "keep", None, None),
        ]


@pytest.mark.parametrize(("reason", "text"), FOUND)
def test_nothing_found_is_shown_whole(reason, text):
    for line in judge("report", text):
        assert line["related"] is None or (len(line["related"]) == 5 and line["related"].endswith("…"))


def test_the_mask_keeps_four_characters():
    assert masked("4539 1488 0343 6467") == "4539…"


@settings(deadline=None)
@given(st.text())
def test_no_text_makes_the_search_fail(text):
    personal(text)


@settings(deadline=None)
@given(st.text(alphabet="+0123456789 -().@aX_/=:", max_size=300))
def test_no_number_like_text_makes_the_search_fail(text):
    personal(text)


@pytest.mark.parametrize(
    "piece", ["1", "+1", "1 ", "(1) ", "a@", "a.", "eyJa.", "sk-", "AB12 ", "tel ", "-----BEGIN ", "a-1@b."]
)
def test_long_hostile_texts_take_linear_time(piece):
    start = time.perf_counter()
    personal(piece * (100_000 // len(piece)))
    assert time.perf_counter() - start < 5
