"""Refusals in many languages against what people say, and messages of services against texts about them."""
# ruff: noqa: E501  each text on one line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.lexicon import Phrases, needles, plain, read_lexicon
from pairsmith.factory.talk import refusal, service_error

REFUSALS: list[tuple[str, str]] = [
    (
        "en",
        "I apologize, but I am unable to fulfill this request. Producing deliberately misleading documents is something I would rather avoid.",
    ),
    ("en", "As an AI language model, I cannot create content that imitates a real medical leaflet."),
    ("en", "Sorry, but I can't help with that."),
    ("en", "I must respectfully decline to write this review, as it could be mistaken for a genuine one."),
    ("en", "I cannot comply with this request."),
    ("de", "Es tut mir leid, aber ich kann diese Anfrage nicht erfüllen. Gern helfe ich bei einem anderen Thema."),
    ("de", "Als KI-Sprachmodell kann ich keine Texte verfassen, die echte Patienten nachahmen."),
    ("de", "Entschuldigung, aber bei dieser Aufgabe kann ich leider nicht helfen."),
    ("fr", "Désolé, mais je ne suis pas en mesure de répondre à cette demande."),
    ("fr", "En tant que modèle de langage, je ne peux pas produire ce type de contenu."),
    ("fr", "Je regrette, mais je dois refuser de rédiger ce texte trompeur."),
    ("es", "Lo siento, pero no puedo ayudarte con esa solicitud."),
    ("es", "Como modelo de lenguaje de IA, no puedo generar este contenido."),
    ("es", "Disculpa, no me es posible redactar un texto con esas características."),
    ("pt", "Desculpe, mas não posso atender a este pedido."),
    ("pt", "Lamento, mas não consigo escrever esse texto porque poderia induzir em erro."),
    ("pt", "Como modelo de linguagem, não posso criar este tipo de conteúdo."),
    ("it", "Mi dispiace, ma non posso soddisfare questa richiesta."),
    ("it", "In quanto modello linguistico, non sono in grado di generare questo contenuto."),
    ("it", "Sono spiacente, ma preferisco non scrivere questo testo."),
    ("nl", "Sorry, maar ik kan deze tekst niet voor je schrijven."),
    ("nl", "Mijn excuses, dit verzoek kan ik niet uitvoeren."),
    ("sv", "Jag är ledsen, men jag kan inte skriva den här texten."),
    ("sv", "Förlåt, men jag kan inte hjälpa dig med detta."),
    ("da", "Beklager, men jeg kan ikke hjælpe med denne anmodning."),
    ("no", "Jeg beklager, men jeg kan ikke skrive denne teksten."),
    ("fi", "Olen pahoillani, mutta en voi auttaa tässä pyynnössä."),
    ("fi", "Pahoittelen, mutta en pysty tuottamaan tätä tekstiä."),
    ("pl", "Przepraszam, ale nie jestem w stanie wygenerować tej treści."),
    ("pl", "Jako model językowy nie mogę pomóc w tym zadaniu."),
    ("cs", "Omlouvám se, ale tento požadavek nemohu splnit."),
    ("cs", "Je mi líto, ale takový text vytvořit nemohu."),
    ("sk", "Ospravedlňujem sa, ale túto požiadavku nemôžem splniť."),
    ("hr", "Žao mi je, ali ne mogu ispuniti ovaj zahtjev."),
    ("sr", "Жао ми је, али не могу да испуним овај захтев."),
    ("sl", "Žal mi je, vendar te zahteve ne morem izpolniti."),
    ("bg", "Съжалявам, но не мога да изпълня тази заявка."),
    ("mk", "Жал ми е, но не можам да го исполнам ова барање."),
    ("ru", "Извините, но я не могу выполнить этот запрос."),
    ("ru", "Прошу прощения, но я не могу создать такой текст."),
    ("ru", "Как языковая модель, я не могу писать подобные материалы."),
    ("uk", "Вибачте, але я не можу виконати цей запит."),
    ("uk", "Мені дуже шкода, але я не можу створити такий текст."),
    ("be", "Прабачце, але я не магу выканаць гэты запыт."),
    ("ro", "Îmi pare rău, dar nu pot îndeplini această cerere."),
    ("ro", "Îmi cer scuze, însă nu pot scrie acest text."),
    ("hu", "Sajnálom, de ezt a kérést nem tudom teljesíteni."),
    ("hu", "Elnézést, de nem áll módomban ilyen szöveget írni, mert félrevezető lenne a kérés."),
    ("el", "Λυπάμαι, αλλά δεν μπορώ να ικανοποιήσω αυτό το αίτημα."),
    ("el", "Ζητώ συγγνώμη, όμως δεν μπορώ να γράψω αυτό το κείμενο."),
    ("tr", "Üzgünüm, bu isteği yerine getiremem."),
    ("tr", "Özür dilerim, ancak bu konuda yardımcı olamıyorum."),
    ("az", "Üzr istəyirəm, amma bu sorğunu yerinə yetirə bilmərəm."),
    ("kk", "Кешіріңіз, бірақ мен бұл сұрауды орындай алмаймын."),
    ("uz", "Kechirasiz, lekin men bu so'rovni bajara olmayman."),
    ("ar", "عذرًا، لا أستطيع تلبية هذا الطلب."),
    ("ar", "آسف، لكن لا يمكنني كتابة هذا النص."),
    ("ar", "بصفتي نموذجا لغويا، لا يمكنني إنشاء هذا المحتوى."),
    ("fa", "ببخشید، اما نمی\u200cتوانم این درخواست را انجام دهم."),
    ("fa", "پوزش می\u200cخواهم، ولی قادر به نوشتن این متن نیستم."),
    ("ur", "معذرت، لیکن میں یہ درخواست پوری نہیں کر سکتا۔"),
    ("he", "מצטער, אבל אני לא יכול למלא את הבקשה הזו."),
    ("he", "אני מתנצל, אך איני יכול לכתוב טקסט כזה."),
    ("hi", "क्षमा करें, मैं इस अनुरोध को पूरा नहीं कर सकता।"),
    ("hi", "माफ़ कीजिए, मैं यह सामग्री तैयार करने में असमर्थ हूँ।"),
    ("mr", "क्षमस्व, मी ही विनंती पूर्ण करू शकत नाही."),
    ("ne", "माफ गर्नुहोस्, म यो अनुरोध पूरा गर्न सक्दिनँ।"),
    ("bn", "দুঃখিত, আমি এই অনুরোধটি পূরণ করতে পারছি না।"),
    ("bn", "ক্ষমা করবেন, এই লেখা তৈরি করা আমার পক্ষে সম্ভব নয়।"),
    ("gu", "માફ કરશો, હું આ વિનંતી પૂરી કરી શકતો નથી."),
    ("pa", "ਮਾਫ਼ ਕਰਨਾ, ਮੈਂ ਇਹ ਬੇਨਤੀ ਪੂਰੀ ਨਹੀਂ ਕਰ ਸਕਦਾ।"),
    ("ta", "மன்னிக்கவும், இந்தக் கோரிக்கையை என்னால் நிறைவேற்ற முடியாது."),
    ("te", "క్షమించండి, నేను ఈ అభ్యర్థనను నెరవేర్చలేను."),
    ("kn", "ಕ್ಷಮಿಸಿ, ಈ ವಿನಂತಿಯನ್ನು ಪೂರೈಸಲು ನನಗೆ ಸಾಧ್ಯವಿಲ್ಲ."),
    ("ml", "ക്ഷമിക്കണം, ഈ അഭ്യർത്ഥന നിറവേറ്റാൻ എനിക്ക് കഴിയില്ല."),
    ("si", "සමාවන්න, මට මෙම ඉල්ලීම ඉටු කළ නොහැක."),
    ("th", "ขออภัย ฉันไม่สามารถทำตามคำขอนี้ได้"),
    ("th", "ต้องขอโทษด้วยครับ ผมไม่สามารถเขียนเนื้อหานี้ให้ได้"),
    ("lo", "ຂໍອະໄພ, ຂ້ອຍບໍ່ສາມາດເຮັດຕາມຄຳຂໍນີ້ໄດ້."),
    ("km", "សូមអភ័យទោស ខ្ញុំមិនអាចបំពេញសំណើនេះបានទេ។"),
    ("my", "တောင်းပန်ပါတယ်၊ ဒီတောင်းဆိုချက်ကို ကျွန်တော် မဖြည့်ဆည်းပေးနိုင်ပါဘူး။"),
    ("vi", "Xin lỗi, tôi không thể thực hiện yêu cầu này."),
    ("vi", "Rất tiếc, tôi xin phép không soạn nội dung này."),
    ("id", "Maaf, saya tidak bisa memenuhi permintaan tersebut."),
    ("id", "Mohon maaf, konten seperti ini tidak dapat saya buat; saya tidak bisa membantu menulis teks itu."),
    ("ms", "Maaf, saya tidak dapat memenuhi permintaan ini."),
    ("jv", "Nyuwun pangapunten, kula mboten saged nulis teks punika."),
    ("tl", "Paumanhin, hindi ko matutugunan ang kahilingang ito."),
    ("sw", "Samahani, siwezi kutimiza ombi hili."),
    ("sw", "Pole, lakini sitaweza kuandika maandishi haya."),
    ("so", "Waan ka xumahay, laakiin ma awoodo inaan fuliyo codsigan."),
    ("ha", "Yi hakuri, ba zan iya cika wannan buƙata ba."),
    ("am", "ይቅርታ፣ ይህን ጥያቄ ማሟላት አልችልም።"),
    ("ko", "죄송합니다. 해당 요청은 처리할 수 없습니다."),
    ("ko", "미안하지만 그런 글은 작성할 수 없어요."),
    ("ja", "申し訳ございませんが、そのご要望にはお応えできません。"),
    ("ja", "すみません、このような文章の作成はお手伝いできません。"),
    ("zh", "对不起，我不能满足这个请求。"),
    ("zh", "抱歉，我無法撰寫這樣的內容。"),
    ("zh", "作为一个人工智能语言模型，我无法提供此类内容。"),
    ("ka", "ბოდიში, ამ მოთხოვნის შესრულება არ შემიძლია."),
    ("hy", "Ներեցեք, ես չեմ կարող կատարել այս խնդրանքը։"),
    ("et", "Vabandust, aga ma ei saa seda taotlust täita."),
    ("lv", "Atvainojiet, bet es nevaru izpildīt šo pieprasījumu."),
    ("lt", "Atsiprašau, bet negaliu įvykdyti šio prašymo."),
    ("eu", "Barkatu, baina ezin dut eskaera hau bete."),
    ("ca", "Ho sento, però no puc atendre aquesta petició."),
    ("gl", "Síntoo, pero non podo cumprir esta solicitude."),
    ("cy", "Mae'n ddrwg gen i, ond ni allaf gyflawni'r cais hwn."),
    ("ga", "Tá brón orm, ach ní féidir liom an t-iarratas seo a chomhlíonadh."),
    ("sq", "Më vjen keq, por nuk mund ta përmbush këtë kërkesë."),
    ("mn", "Уучлаарай, би энэ хүсэлтийг биелүүлэх боломжгүй."),
    ("af", "Ek is jammer, maar ek kan nie hierdie versoek uitvoer nie."),
    ("eo", "Mi bedaŭras, sed mi ne povas plenumi ĉi tiun peton."),
    ("is", "Mér þykir það leitt, en ég get ekki orðið við þessari beiðni."),
]

SAID: list[tuple[str, str]] = [
    ("en", "Dear Ms. Lopez, we are sorry for the delay of your parcel and have refunded the shipping fee."),
    ("en", "I'm sorry, but I can't stay any longer, she whispered, and pulled the door shut behind her."),
    ("en", "I can't help my son with his maths homework anymore, any tips?"),
    ("en", "how to say I cannot help politely in an email"),
    ("en", "The defendant stated that he was sorry and could not repay the loan."),
    ("en", "I'm sorry I missed your call."),
    ("en", "I cannot open the attachment in Outlook, it says the file is blocked"),
    ("en", "Unfortunately, I cannot write data to the disk since the last update."),
    ("en", "As an AI researcher, I cannot overstate the importance of clean data."),
    ("en", "chatbot says as an ai language model I cannot, how to avoid"),
    ("en", "Thank you for your order. We cannot ship to PO boxes."),
    ("de", "Es tut mir leid, dass ich gestern nicht zur Feier kommen konnte."),
    ("fr", "Je suis désolé, mais je ne peux pas venir dimanche, mon train est annulé."),
    ("es", "Lo siento, no puedo ir a la fiesta porque tengo fiebre."),
    ("pl", "Przepraszam, nie mogę dziś przyjść, bo dziecko jest chore."),
    ("ru", "Мне жаль, но я не могу прийти завтра."),
    ("zh", "对不起，我不能去参加你的婚礼。"),
    ("ja", "申し訳ありませんが、明日は行けません。"),
    ("ko", "미안하지만 오늘은 못 가."),
    ("tr", "Üzgünüm, bugün gelemem."),
    ("ar", "آسف، لا أستطيع الحضور غدا."),
    ("hi", "माफ़ करना, मैं कल नहीं आ सकता।"),
    ("vi", "Xin lỗi, hôm nay tôi không thể đến được."),
    ("id", "Maaf, saya tidak bisa datang besok."),
    ("sw", "Samahani, siwezi kuja leo."),
]

ERRORS = [
    "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>",
    "<!DOCTYPE html><html><title>Attention Required! | Cloudflare</title></html>",
    '{"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}}',
    "{'error': {'message': 'Invalid request', 'code': 400}}",
    '{"detail": "Internal error", "status": 500}',
    "Error code: 429 - {'error': {'message': 'Too many requests'}}",
    "Rate limit reached for requests on tokens per min. Please try again in 20s.",
    "You exceeded your current quota, please check your plan and billing details.",
    "upstream connect error or disconnect/reset before headers. reset reason: overflow",
    "503 Service Unavailable",
    "Internal Server Error",
    "The response was filtered due to the prompt triggering the content management policy.",
    'Traceback (most recent call last):\n  File "a.py", line 1, in call\nhttpx.ReadTimeout: timed out',
]
NO_ERRORS = [
    "502 bad gateway nginx fix",
    "What does HTTP 429 mean and how long should a client wait?",
    "Error code 43 on my graphics card after the update, what can I do?",
    "The server was overloaded on Friday evening, the city said, because so many people wanted tickets.",
    '{"name": "Rose", "height": 120}',
    '{"message": "hello", "user": "kim"}',
    "<html><body><h1>Our menu</h1><p>Soup and bread</p></body></html>",
    "",
]


@pytest.mark.parametrize(("language", "text"), REFUSALS)
def test_a_refusal_is_found_as_raw_answer_and_as_field(language: str, text: str) -> None:
    assert refusal(text)
    assert refusal(text, (language,))


@pytest.mark.parametrize(("language", "text"), SAID)
def test_what_people_say_in_a_text_is_no_refusal(language: str, text: str) -> None:
    assert refusal(text, (language,)) is None


def test_a_polite_opening_suffices_in_a_raw_answer_but_not_in_a_field() -> None:
    text = "I appreciate the details, but I'd rather not produce this one."
    assert refusal(text)
    assert refusal(text, ("en",)) is None


def test_a_refusal_in_english_is_found_in_a_field_of_any_language() -> None:
    assert refusal("I'm sorry, but I cannot fulfill this request.", ("ja",))


def test_every_language_has_words_for_a_refusal() -> None:
    assert set(read_lexicon("pairsmith.factory", "talk.yml")["refusal"]) == set(LANGUAGES)


@pytest.mark.parametrize("text", ERRORS)
def test_the_body_of_an_error_is_found(text: str) -> None:
    assert service_error(text)


@pytest.mark.parametrize("text", NO_ERRORS)
def test_a_text_about_an_error_or_a_page_is_no_error(text: str) -> None:
    assert service_error(text) is None


@given(st.text(max_size=300))
def test_any_text_is_judged_without_fault_and_excerpts_are_short(text: str) -> None:
    for found in (refusal(text), refusal(text, ("en", "fa")), service_error(text)):
        assert found is None or 0 < len(found) <= 200


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"\bon-?topic\b|(?:ir)?relevant (?:to|for)", ["topic", "relevant "]),
        (r"x*abc|d[ef]ghi+", ["abc", "ghi"]),
        (r"\w+", None),
        (r"(?:a|bb)?cc(?!d)", ["cc"]),
    ],
)
def test_every_alternative_has_a_needle_or_none_is_looked_for(pattern: str, expected: list[str] | None) -> None:
    assert needles(pattern) == expected


def test_phrases_match_whatever_the_case_width_and_apostrophe() -> None:
    phrases = Phrases("i can't|ｏｋａｙ then")
    assert phrases.search(plain("Well, I CAN’T."))
    assert phrases.search(plain("Okay \n then"))
    assert phrases.search(plain("I can")) is None


def test_a_dotted_capital_i_folds_to_the_small_letter() -> None:
    assert plain("İşte") == "işte"
