"""Hand-overs, labels, turns and refusals that stand in a field, in many languages, against what people write."""

import pytest
from sound_texts import SOUND

from pairsmith.factory.talk import refusal
from pairsmith.validators.markup import role_leak
from pairsmith.validators.meta_talk import meta_talk

# (language, text)
HANDED_OVER: list[tuple[str, str]] = [
    (
        "nl",
        "Hier is de gevraagde tekst in de gewenste vorm: De markt op het plein begint om negen "
        "uur en duurt tot de middag.",
    ),
    ("sv", "Här är en kort recension enligt dina önskemål: Kaffet var ljummet men kakorna var fantastiska."),
    (
        "de",
        "Hier ist ein weiterer Brief mit demselben Anliegen: Sehr geehrte Damen und Herren, die "
        "Ampel ist seit Wochen defekt.",
    ),
    ("fi", "Tässä on toinen kirje, jossa on sama pyyntö: Hyvä rehtori, toivomme pidempää lounastaukoa."),
    ("ru", "Вот текст отзыва в нужном вам формате: Гостиница чистая, но завтрак однообразный."),
    ("fr", "Voici une explication du proverbe sous la forme demandée : mieux vaut agir tôt que réparer tard."),
    ("pl", "Oto drugi list z tą samą prośbą: Szanowny Panie Dyrektorze, prosimy o naprawę windy."),
    ("es", "Aquí tienes el fragmento con el estilo que pediste: La niebla subía despacio por el río."),
    ("tr", "İşte istediğiniz biçimde bir açıklama: Sabreden derviş muradına ermiş, acele işe şeytan karışır."),
    ("hu", "Íme a kért szöveg a megadott formában: A hegyi ösvény két órán át kanyarog a patak mentén."),
    ("ja", "ご依頼の形式での文章は以下の通りです：朝の港は静かで、漁師たちは網を繕っていた。"),
    ("ko", "요청하신 형식의 글은 다음과 같습니다: 아침 항구는 조용했고 어부들은 그물을 손질했다."),
    ("zh", "以下是按照您要求的格式撰写的短文：清晨的港口很安静，渔民们在修补渔网。"),
    ("vi", "Đây là đoạn văn theo yêu cầu của bạn: Buổi sáng ở bến cảng rất yên tĩnh."),
    ("id", "Berikut adalah teks sesuai permintaan Anda: Pagi itu pelabuhan masih sepi dan nelayan memperbaiki jala."),
    ("ar", "إليك النص بالصيغة المطلوبة: كان الميناء هادئا في الصباح والصيادون يصلحون شباكهم."),
    ("cs", "**Dotaz:** kolik stojí parkování v centru Brna o víkendu"),
    ("sk", "## Vstup\nKoľko dní dovolenky mám pri polovičnom úväzku"),
    ("it", "[Query] migliori trattorie economiche a Trastevere"),
    (
        "pt",
        "**Documento:** A ponte foi inaugurada em 1966 e liga as duas margens do rio, com um "
        "tabuleiro ferroviário acrescentado mais tarde.",
    ),
    ("el", "**Έγγραφο:** Η γέφυρα εγκαινιάστηκε πριν από είκοσι χρόνια και ενώνει τις δύο όχθες."),
    ("hu", "**Dokumentum:** A híd húsz éve épült, és két kerületet köt össze a folyó fölött."),
    (
        "da",
        "Her er en anden tekst med samme indhold: Kommunen lukker svømmehallen i sommerferien på grund af renovering.",
    ),
    ("no", "Her er teksten i ønsket format: Fjorden lå stille da båten gled inn mot kaia."),
    ("uk", "Ось текст у потрібному форматі, як ви просили: Річка повільно текла між вербами."),
    ("bg", "Ето рецензията в исканата форма: Храната беше топла, а обслужването бавно."),
    ("ro", "Iată o scrisoare similară, cu aceeași solicitare: Stimate domnule primar, strada noastră nu are iluminat."),
    ("hr", "Evo teksta u traženom obliku: Ribari su se vratili pred zoru s punim mrežama."),
    ("fa", "این متن مطابق درخواست شما است: صبح زود بندر خلوت بود."),
    ("hi", "यहाँ आपके अनुरोध के अनुसार लेख है: सुबह बंदरगाह शांत था और मछुआरे जाल बुन रहे थे।"),
    ("th", "นี่คือข้อความตามที่คุณขอ: เช้านี้ท่าเรือเงียบสงบ ชาวประมงกำลังซ่อมแห"),
    ("et", "**Päring:** kui palju maksab parkimine Tartu kesklinnas"),
    ("tr", "**Belge:** Köprü yirmi yıl önce açıldı ve iki yakayı birbirine bağlıyor."),
]

TURNS: list[str] = [
    "Пользователь: напиши короткий рассказ о море.\nПомощник: Волны тихо накатывали на песок, и чайки молчали.",
    "Nutzer: Schreib bitte eine kurze Beschreibung.\nAssistent: Das Dorf liegt am Fuß des "
    "Berges und hat eine alte Mühle.",
    "User: Write a short review of a café.\nAssistant: The coffee was lukewarm, but the cakes were superb.",
    "ユーザー：短い随筆を書いてください。\nアシスタント：朝の光が障子を染め、湯気がゆっくりと立ちのぼる。",
    "Usuario: escribe un texto sobre el otoño.\nAsistente: Las hojas cubrían el camino y olía a leña.",
    "Utilisateur : écris un texte court sur la mer.\nAssistant : Les vagues venaient mourir sur le sable gris.",
    "사용자: 짧은 수필을 써 줘.\n어시스턴트: 아침 햇살이 창호지를 물들였다.",
    "Użytkownik: Napisz krótki opis wsi.\nAsystent: Wieś leży u stóp góry i ma stary młyn.",
]

DECLINED: list[tuple[str, str]] = [
    (
        "en",
        "I'm not able to write a story with this content. I'd be happy to write a light-hearted "
        "tale about the same village instead.",
    ),
    (
        "fr",
        "Je ne peux malheureusement pas rédiger un récit aussi violent. Je vous propose plutôt "
        "une histoire légère sur le même thème.",
    ),
    (
        "es",
        "Como asistente virtual, solo puedo ayudar con peticiones acordes con mis directrices, de "
        "modo que no reescribiré este fragmento.",
    ),
    (
        "it",
        "Non posso purtroppo scrivere un racconto di questo tipo. Posso però proporre una storia "
        "più leggera ambientata nello stesso luogo.",
    ),
    (
        "nl",
        "Ik kan helaas geen verhaal met gewelddadige inhoud schrijven. Ik schrijf graag een "
        "vrolijker verhaal over hetzelfde huis.",
    ),
    (
        "pl",
        "Niestety nie mogę napisać opowiadania o takiej treści. Chętnie napiszę zamiast tego "
        "pogodną historię o tym samym domu.",
    ),
    (
        "ru",
        "К сожалению, я не могу написать рассказ с таким содержанием. Вместо этого с радостью напишу добрую историю.",
    ),
    ("tr", "Maalesef bu içerikte bir hikâye yazamam. Bunun yerine neşeli bir öykü yazmaktan memnuniyet duyarım."),
    ("pt", "Enquanto modelo de IA, não me é permitido reformular esta passagem; as minhas diretrizes não o permitem."),
    (
        "sv",
        "Jag kan tyvärr inte skriva en berättelse med våldsamt innehåll. Jag skriver gärna en "
        "ljusare historia i stället.",
    ),
    (
        "fi",
        "En valitettavasti voi kirjoittaa väkivaltaista tarinaa. Kirjoitan mielelläni sen sijaan iloisen kertomuksen.",
    ),
    ("cs", "Bohužel nemohu napsat příběh s násilným obsahem. Rád místo toho napíšu veselé vyprávění."),
    ("ja", "残念ながら、暴力的な内容の物語を書くことはできません。代わりに穏やかな物語でしたら喜んでお書きします。"),
    ("zh", "很遗憾，我无法撰写含有暴力内容的故事。我很乐意改写一个温馨的故事。"),
    ("ko", "안타깝지만 폭력적인 내용의 이야기는 쓸 수 없습니다. 대신 밝은 이야기를 써 드릴 수 있습니다."),
    (
        "vi",
        "Rất tiếc, tôi không thể viết truyện có nội dung bạo lực. Thay vào đó, tôi sẵn lòng viết một câu chuyện vui.",
    ),
    (
        "el",
        "Δυστυχώς δεν μπορώ να γράψω ιστορία με βίαιο περιεχόμενο. Ευχαρίστως γράφω αντί γι' αυτό "
        "μια χαρούμενη αφήγηση.",
    ),
    ("ar", "للأسف لا يمكنني كتابة قصة ذات محتوى عنيف. يسعدني بدلاً من ذلك كتابة قصة مرحة."),
    ("hi", "दुर्भाग्य से मैं हिंसक सामग्री वाली कहानी नहीं लिख सकता। इसके बजाय मैं एक हल्की कहानी लिख सकता हूँ।"),
    ("uk", "На жаль, я не можу написати оповідання з насильницьким змістом. Натомість радо напишу веселу історію."),
    (
        "da",
        "Jeg kan desværre ikke skrive en fortælling med så voldeligt indhold. Jeg skriver gerne "
        "en lysere historie i stedet.",
    ),
    ("hu", "Sajnos nem írhatok ilyen erőszakos történetet. Szívesen írok helyette egy vidám elbeszélést."),
    ("ro", "Din păcate nu pot scrie o poveste violentă. În schimb, pot scrie cu plăcere o poveste veselă."),
    ("fa", "متأسفانه نمی‌توانم داستانی با این محتوا بنویسم. در عوض خوشحال می‌شوم داستانی شاد بنویسم."),
    ("th", "ขออภัย ฉันไม่สามารถเขียนเรื่องที่มีความรุนแรงได้ แต่ยินดีเขียนเรื่องที่สดใสแทน"),
    (
        "id",
        "Sayangnya saya tidak bisa menulis cerita dengan konten kekerasan. Saya dengan senang "
        "hati menulis cerita yang lebih ringan.",
    ),
    ("he", "לצערי אינני יכול לכתוב סיפור עם תוכן אלים. אשמח לכתוב במקום זאת סיפור קליל."),
    ("bg", "За съжаление не мога да напиша разказ с такова съдържание. С удоволствие ще напиша весела история."),
    ("en", "My guidelines don't allow this, and as an AI assistant I have to pass on rewriting the paragraph."),
]


@pytest.mark.parametrize("is_document", [False, True])
@pytest.mark.parametrize(("language", "text"), HANDED_OVER)
def test_a_text_that_is_handed_over_or_labelled_is_found(language: str, text: str, is_document: bool) -> None:
    assert meta_talk(text, (language,), is_document)


@pytest.mark.parametrize("text", TURNS)
def test_the_turns_of_a_user_and_a_model_are_found_unless_chats_are_the_topic(text: str) -> None:
    assert role_leak(text, "")
    assert role_leak(text, "Find similar chat conversations") is None


@pytest.mark.parametrize(("language", "text"), DECLINED)
def test_a_field_that_declines_and_offers_another_text_is_found(language: str, text: str) -> None:
    assert refusal(text, (language,))


def test_a_text_that_opens_with_a_quoted_refusal_and_goes_on_passes() -> None:
    quoted = "\"I'm sorry, but I can't help with that.\""
    assert refusal(quoted, ("en",))
    assert (
        refusal(f"{quoted} Our users met that sentence when they asked how to whip cream or kill a process.", ("en",))
        is None
    )


# Sound texts that these rules drop all the same: one that passes again must leave the list. See docs/format.md, Limits.
KNOWN_FALSE_ALARMS = (
    "Aquí está el texto completo de la ley:",
    "Ecco il documento che cercavi da anni:",
    "Here are the documents requested by the auditor:",
    "[Document] retrieval systems",
    "I can't tell a story without waving my hands",
    "Je ne peux pas finir cette histoire sans pleurer",
)


@pytest.mark.parametrize(("language", "text", "context"), SOUND)
def test_what_people_write_passes_but_for_the_known_false_alarms(language: str, text: str, context: str) -> None:
    found = meta_talk(text, (language,), True) or role_leak(text, context) or refusal(text, (language,))
    assert (found is not None) == text.startswith(KNOWN_FALSE_ALARMS)
