"""Gate ``format``: wordings in many languages that no lexicon was written from, against sound texts that look suspicious."""
# ruff: noqa: E501  each text on one line

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.parse import parse_answer
from pairsmith.factory.records import PAIRS, VERDICTS, Request
from pairsmith.factory.spec import FormatSpec
from pairsmith.validators.format import FormatGate
from pairsmith.validators.gate import Reason
from pairsmith.validators.meta_talk import meta_talk
from pairsmith.validators.placeholder import placeholder
from pairsmith.validators.relevance_talk import explains_relevance

RECORDED = Path(__file__).parent.parent / "examples" / "recorded"
QUESTION = "Given a question, retrieve documents that answer it."
PLAIN = {"query": "how do plants grow in winter", "positive": "A plain text that says something about it."}

# (reason, group, field, instruction, text, language)
FAULTS: list[tuple[str, str, str, str, str, str]] = [
    ("role_leak", "short_long", "query", QUESTION, "<|im_start|>user\nhow to fix a flat tyre", "en"),
    ("role_leak", "short_long", "positive", QUESTION, "[INST] The bike shop opens at nine. [/INST]", "en"),
    ("role_leak", "short_long", "positive", QUESTION, "The bike shop opens at nine and closes late.<|eot_id|>", "en"),
    ("role_leak", "short_long", "positive", QUESTION, "<start_of_turn>model\nThe bike shop opens at nine.", "en"),
    ("role_leak", "short_long", "positive", QUESTION, "The bike shop opens at nine.</s>", "en"),
    ("role_leak", "short_long", "positive", QUESTION, "<｜Assistant｜>El taller abre a las nueve.", "es"),
    ("role_leak", "short_long", "query", QUESTION, "Human: how to fix a flat tyre", "en"),
    ("role_leak", "short_long", "positive", QUESTION, "Assistant: The bike shop opens at nine.", "en"),
    (
        "role_leak",
        "short_long",
        "positive",
        QUESTION,
        "<think>The user wants a document.</think>The bike shop opens at nine.",
        "en",
    ),
    (
        "role_leak",
        "short_long",
        "positive",
        QUESTION,
        "### Instruction:\nWrite a text.\n\n### Response:\nThe bike shop opens at nine.",
        "en",
    ),
    ("role_leak", "short_long", "positive", QUESTION, "<<SYS>>You are helpful<</SYS>> The shop opens at nine.", "en"),
    ("role_leak", "short_long", "positive", QUESTION, "The shop opens at nine. <|endoftext|>", "en"),
    ("markup_leak", "short_long", "positive", QUESTION, "```\nThe bike shop opens at nine.\n```", "en"),
    ("markup_leak", "short_long", "positive", QUESTION, '```json\n{"a": 1}\n```', "en"),
    ("markup_leak", "short_long", "query", QUESTION, '{"user_query": "how to fix a flat tyre"}', "en"),
    ("markup_leak", "short_long", "positive", QUESTION, 'The bike shop opens at nine."}', "en"),
    ("markup_leak", "short_long", "query", QUESTION, "<query>how to fix a flat tyre</query>", "en"),
    ("markup_leak", "short_long", "positive", QUESTION, "The bike shop opens at nine.<br>It closes at six.<br/>", "en"),
    ("markup_leak", "short_long", "positive", QUESTION, "<p>The bike shop opens at nine.</p>", "en"),
    ("markup_leak", "short_long", "positive", QUESTION, "The bike&nbsp;shop opens at nine &amp; closes at six.", "en"),
    (
        "markup_leak",
        "short_long",
        "positive",
        QUESTION,
        '<div class="content">Das Museum öffnet um neun Uhr.</div>',
        "de",
    ),
    ("markup_leak", "short_long", "positive", QUESTION, "The bike shop opens at nine.\\n\\nIt closes at six.", "en"),
    ("markup_leak", "short_long", "positive", QUESTION, "Der Laden \\u00f6\\u00f6ffnet um neun.", "de"),
    ("control_characters", "short_long", "positive", QUESTION, "The bike\x07 shop opens at nine.", "en"),
    ("control_characters", "short_long", "positive", QUESTION, "The bike shop\x0copens at nine.", "en"),
    ("control_characters", "short_long", "positive", QUESTION, "The bike \ue000 shop opens at nine.", "en"),
    ("control_characters", "short_long", "positive", QUESTION, "The bike \u202eshop opens\u202c at nine.", "en"),
    ("mojibake", "short_long", "positive", QUESTION, "Le cafÃ© ouvre Ã  neuf heures.", "fr"),
    ("mojibake", "short_long", "positive", QUESTION, "It doesnâ€™t open before nine.", "en"),
    (
        "mojibake",
        "short_long",
        "positive",
        QUESTION,
        "\u0420\u045f\u0421\u0402\u0420\u0451\u0420\u0406\u0420\xb5\u0421\u201a, \u0420\u0458\u0420\u0451\u0421\u0402! \u0420\u045a\u0421\u0453\u0420\xb7\u0420\xb5\u0420\u2116 \u0420\u0455\u0421\u201a\u0420\u0454\u0421\u0402\u0421\u2039\u0420\u0406\u0420\xb0\u0420\xb5\u0421\u201a\u0421\u0403\u0421\u040f \u0420\u0406 \u0420\u0491\u0420\xb5\u0420\u0406\u0421\u040f\u0421\u201a\u0421\u040a.",
        "ru",
    ),
    ("mojibake", "short_long", "positive", QUESTION, "The price is Â£20 and the temperature 20Â°C.", "en"),
    ("mojibake", "short_long", "positive", QUESTION, "Das Museum \ufffdffnet um neun.", "de"),
    ("mojibake", "short_long", "positive", QUESTION, "??????? ????? ? ?????? ?????", "ru"),
    ("mojibake", "short_long", "positive", QUESTION, "\xc3\u201erger mit dem K\xc3\xbchlschrank", "de"),
    (
        "mojibake",
        "short_long",
        "positive",
        QUESTION,
        "\xce\u0153\xce\xbf\xcf\u2026\xcf\u0192\xce\xb5\xce\xaf\xce\xbf \xce\xba\xce\xbb\xce\xb5\xce\xb9\xcf\u0192\xcf\u201e\xcf\u0152",
        "el",
    ),
    ("mojibake", "short_long", "positive", QUESTION, "ΑθÎ®Î½Î± ÎºÎ±Î¹", "el"),
    (
        "mojibake",
        "short_long",
        "positive",
        QUESTION,
        "\xe0\xb8\xaa\xe0\xb8\xa7\xe0\xb8\xb1\xe0\xb8\xaa\xe0\xb8\u201d\xe0\xb8\xb5\xe0\xb8\u201e\xe0\xb8\xa3\xe0\xb8\xb1\xe0\xb8\u0161",
        "th",
    ),
    (
        "mojibake",
        "short_long",
        "positive",
        QUESTION,
        "\xe4\xbd \xe5\xa5\xbd\xef\xbc\u0152\xe4\xb8\u2013\xe7\u2022\u0152\xe3\u20ac\u201a",
        "zh",
    ),
    (
        "mojibake",
        "short_long",
        "positive",
        QUESTION,
        "\xec\u2022\u02c6\xeb\u2026\u2022\xed\u2022\u02dc\xec\u201e\xb8\xec\u0161\u201d. \xeb\xb0\u02dc\xea\xb0\u2018\xec\u0160\xb5\xeb\u2039\u02c6\xeb\u2039\xa4.",
        "ko",
    ),
    (
        "mojibake",
        "short_long",
        "positive",
        QUESTION,
        "\xd7\xa9\xd7\u0153\xd7\u2022\xd7 \xd7\xa2\xd7\u2022\xd7\u0153\xd7",
        "he",
    ),
    ("mojibake", "short_long", "positive", QUESTION, "Nagy Ã¡rvÃ­z", "hu"),
    ("mojibake", "short_long", "positive", QUESTION, "PrÃ­liÅ¡ Å¾luÅ¥ouÄkÃ½ kÅ¯Åˆ", "cs"),
    ("mojibake", "short_long", "positive", QUESTION, "Xin chÃ o cÃ¡c báº¡n", "vi"),
    (
        "repetition",
        "short_long",
        "positive",
        QUESTION,
        "The bike shop opens at nine. " + "The shop is open. " * 20,
        "en",
    ),
    ("repetition", "short_long", "positive", QUESTION, "very " * 60, "en"),
    (
        "repetition",
        "short_long",
        "positive",
        QUESTION,
        "博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。博物馆九点开门。",
        "zh",
    ),
    (
        "repetition",
        "short_long",
        "positive",
        QUESTION,
        "hellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohello",
        "en",
    ),
    (
        "repetition",
        "short_long",
        "positive",
        QUESTION,
        "Museum buka jam sembilan. Tiketnya murah sekali dan " + "murah sekali dan " * 15,
        "id",
    ),
    (
        "service_residue",
        "short_long",
        "positive",
        QUESTION,
        "<html><head><title>503 Service Unavailable</title></head><body></body></html>",
        "en",
    ),
    (
        "service_residue",
        "short_long",
        "positive",
        QUESTION,
        "Error code: 429 - {'error': {'message': 'Rate limit reached for gpt-4o in organization'}}",
        "en",
    ),
    (
        "service_residue",
        "short_long",
        "positive",
        QUESTION,
        '{"error": {"message": "The server is overloaded", "type": "server_error"}}',
        "en",
    ),
    (
        "service_residue",
        "short_long",
        "positive",
        QUESTION,
        "upstream connect error or disconnect/reset before headers. reset reason: connection failure",
        "en",
    ),
    ("service_residue", "short_long", "positive", QUESTION, "502 Bad Gateway\nnginx/1.18.0", "en"),
    (
        "service_residue",
        "short_long",
        "positive",
        QUESTION,
        "Rate limit reached for requests. Please try again in 20s.",
        "en",
    ),
    (
        "instruction_echo",
        "short_long",
        "positive",
        "Given a plant name, retrieve guides that describe how to grow it.",
        "Given a plant name, retrieve guides that describe how to grow it. Roses need sun.",
        "en",
    ),
    (
        "instruction_echo",
        "short_long",
        "positive",
        QUESTION,
        "The document is at least 100 words long, in Polish language and needs college level education: roses need sun.",
        "pl",
    ),
    (
        "instruction_echo",
        "sts",
        "query",
        "Retrieve semantically similar text.",
        "Retrieve semantically similar text: the cat sleeps",
        "en",
    ),
    ("meta_talk", "long_short", "positive", "Classify the review as positive or negative.", "Label: positive", "en"),
]

# (group, field, instruction, text, language)
SOUND: list[tuple[str, str, str, str, str]] = [
    ("short_long", "query", QUESTION, "what does the <|endoftext|> token mean in gpt-2", "en"),
    (
        "short_long",
        "positive",
        QUESTION,
        "The Llama 2 chat template wraps the user message in [INST] and [/INST] tokens.",
        "en",
    ),
    (
        "short_long",
        "positive",
        QUESTION,
        "Agent: Good morning, how can I help?\nCustomer: My parcel is late.\nAgent: Let me check.",
        "en",
    ),
    (
        "short_long",
        "positive",
        QUESTION,
        "User: My phone does not charge.\nAssistant: Have you tried another cable?\nUser: Yes.",
        "en",
    ),
    (
        "short_long",
        "positive",
        QUESTION,
        "To start a new paragraph in HTML, write <p> before it and </p> after it.",
        "en",
    ),
    (
        "short_long",
        "positive",
        QUESTION,
        "template <typename T> class Stack { std::vector<T> items; public: void push(T x) { items.push_back(x); } };",
        "en",
    ),
    (
        "short_long",
        "positive",
        "Given a natural language description of a function, retrieve code.",
        "```python\ndef f(x):\n    return x + 1\n```",
        "en",
    ),
    ("short_long", "query", QUESTION, "if a < b and b > c what is a", "en"),
    ("short_long", "positive", QUESTION, "Copy the file to C:\\new\\temp and restart the computer.", "en"),
    ("short_long", "positive", QUESTION, "Marks & Spencer and AT&T reported results; R&D spending rose.", "en"),
    (
        "short_long",
        "positive",
        QUESTION,
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0628\u0647 \u062e\u0627\u0646\u0647 \u0628\u0631\u0648\u0645 \u0648 \u06a9\u062a\u0627\u0628\u200c\u0647\u0627\u06cc\u0645 \u0631\u0627 \u0628\u0631\u062f\u0627\u0631\u0645.",
        "fa",
    ),
    (
        "short_long",
        "positive",
        QUESTION,
        "The family \U0001f468\u200d\U0001f469\u200d\U0001f467 went to Scotland \U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f by train.",
        "en",
    ),
    ("short_long", "positive", QUESTION, "\u05e9\u05dc\u05d5\u05dd\u200f (HTML5)\u200e \u05e2\u05d5\u05dc\u05dd", "he"),
    (
        "short_long",
        "positive",
        QUESTION,
        "Ça va? À bientôt, Noël, œuvre, Ångström, Übermut, Ñandú, São Paulo, ÂNGULO, NÃO.",
        "fr",
    ),
    ("short_long", "positive", QUESTION, "Điều này rất quan trọng đối với người Việt. ÂU CƠ, ÔNG.", "vi"),
    ("short_long", "query", QUESTION, "What??? Why is my phone so slow??", "en"),
    (
        "short_long",
        "positive",
        QUESTION,
        "We will, we will rock you\nWe will, we will rock you\nBuddy, you're a boy, make a big noise\nPlaying in the street, gonna be a big man someday\nYou got mud on your face, you big disgrace\nKicking your can all over the place, singin'\nWe will, we will rock you\nWe will, we will rock you",
        "en",
    ),
    (
        "short_long",
        "positive",
        QUESTION,
        "| a | b |\n| --- | --- |\n| 0 | 0 |\n| 0 | 0 |\n| 0 | 0 |\n| 0 | 0 |\n| 0 | 0 |",
        "en",
    ),
    ("short_long", "query", QUESTION, "哈哈哈哈哈哈哈 太好笑了", "zh"),
    ("short_long", "query", QUESTION, "502 Bad Gateway", "en"),
    (
        "short_long",
        "positive",
        QUESTION,
        "A 502 Bad Gateway error means that one server got an invalid answer from another. Restart nginx first, then check the upstream.",
        "en",
    ),
    ("short_long", "positive", QUESTION, "Your essay should have at least 500 words and be handed in by Friday.", "en"),
    ("long_short", "positive", "Classify the review.", "positive", "en"),
    ("long_short", "positive", "Classify the programming language.", "C++", "en"),
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
    ("en", "Certainly, the reform has its critics, but the numbers speak for themselves."),
    ("en", "Note: This document is for information only and does not create rights."),
    ("en", "Question: Can I take ibuprofen with aspirin? Answer: Ask your doctor first."),
    ("en", "Sure, here's how I fixed it: I removed the old driver and rebooted."),
    ("en", "I hope this helps! Let me know if you have any other questions about the router."),
    ("en", "502 bad gateway nginx fix"),
    ("en", "In this tutorial you wrap the text in a <div> tag and style it with CSS."),
    ("en", "std::vector<int> versus std::array<int, 4> in C++"),
    ("en", "I <3 this phone, battery a<b after 2 days"),
    ("en", "In [2015] EWCA Civ 12 the court [sic] held that the clause [was] void [citation needed]."),
    ("en", "[Am] Hello darkness [G] my old friend [Chorus]"),
    ("en", "He told the board that [the company] would appeal."),
    ("en", "Use {{ user.name }} in a Jinja template to print the name."),
    (
        "en",
        "The word lorem ipsum goes back to Cicero; lorem ipsum dolor sit amet is used by typesetters as dummy text.",
    ),
    ("en", "<nick> anyone here? <op> yes"),
    ("en", "The pronunciation is [ˈkɒlə(r)] and the interval is [a, b]."),
    ("en", "See [the manual](https://example.org/manual) and tick [ ] or [x]."),
    ("en", "This document is relevant to all employees who handle cash."),
    ("en", "This section answers frequently asked questions about parking permits."),
    ("en", "This paper addresses the question of whether tariffs raise prices, because earlier studies disagree."),
    ("en", "The statute is relevant because it was in force when the contract was signed."),
    ("en", "A search engine ranks documents by how well they match the user's query."),
    ("en", "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream."),
    ("en", "ha ha ha ha ha ha ha, that was funny"),
    ("en", "Translator: Jane Smith. Cover design: Tom Brown."),
    ("en", "Why does my page show café as cafÃ© although it is UTF-8 encoded?"),
    ("de", "Es tut mir leid, dass ich gestern nicht zur Feier kommen konnte."),
    ("de", "Diese Seite richtet sich an alle Eltern, weil die Anmeldung im Mai beginnt."),
    ("de", "Dieser Text ist wichtig, da er zeigt, wie sich die Stadt verändert hat."),
    ("fr", "Je suis désolé, mais je ne peux pas venir dimanche, mon train est annulé."),
    ("fr", "Cet article explique pourquoi les abeilles meurent, car le problème est mal connu."),
    ("es", "Lo siento, no puedo ir a la fiesta porque tengo fiebre."),
    ("es", "Este artículo responde a las preguntas más comunes sobre el visado."),
    ("pl", "Przepraszam, nie mogę dziś przyjść, bo dziecko jest chore."),
    ("ru", "Мне жаль, но я не могу прийти завтра."),
    ("ru", "Эта статья посвящена истории города, поскольку в этом году ему исполняется 800 лет."),
    ("zh", "对不起，我不能去参加你的婚礼。"),
    ("ja", "申し訳ありませんが、明日は行けません。"),
    ("ko", "미안하지만 오늘은 못 가."),
    ("tr", "Üzgünüm, bugün gelemem."),
    ("ar", "آسف، لا أستطيع الحضور غدا."),
    ("hi", "माफ़ करना, मैं कल नहीं आ सकता।"),
    ("vi", "Xin lỗi, hôm nay tôi không thể đến được."),
    ("id", "Maaf, saya tidak bisa datang besok."),
    ("hi", "यह लेख किसानों के लिए है क्योंकि वर्षा कम हुई है।"),
    ("sw", "Samahani, siwezi kuja leo."),
]

RELEVANCE: list[tuple[str, tuple[str, ...], str]] = [
    (
        "en",
        (),
        "Although it mentions solar panels, this passage does not answer the user's question about inverter noise.",
    ),
    (
        "en",
        (),
        "The document above is highly relevant to the search query since it covers both the fee and the deadline.",
    ),
    (
        "en",
        ("negative", "positive"),
        "This review should be labeled negative because the customer complains throughout.",
    ),
    (
        "en",
        ("sports", "politics"),
        "Therefore the text clearly belongs to the category of sports rather than politics.",
    ),
    ("de", (), "Dieses Dokument beantwortet die Suchanfrage nicht, weil es nur die Geschichte des Geräts behandelt."),
    ("de", (), "Die Seite ist für den Nutzer relevant, da diese Seite genau die gesuchten Fristen nennt."),
    ("de", ("negativ", "positiv"), "Diese Rezension ist als negativ einzustufen, weil der Kunde enttäuscht ist."),
    ("fr", (), "Ce document répond directement à la requête de l'utilisateur, car il détaille les démarches."),
    ("fr", (), "Cette page n'est pas pertinente pour la recherche puisqu'elle traite d'un autre pays."),
    ("fr", ("déçu", "ravi"), "Cet avis relève de la catégorie « déçu », car le client critique la livraison."),
    ("es", (), "Este documento es relevante porque explica exactamente cómo renovar el permiso."),
    ("es", (), "Aunque trata el mismo tema, este texto no responde a la consulta del usuario."),
    ("es", ("negativa", "positiva"), "Esta reseña se clasifica como negativa porque el autor se queja del servicio."),
    ("pt", (), "Este artigo é relevante para a consulta porque descreve os prazos pedidos."),
    ("pt", (), "Esta página não atende ao que o usuário procura, pois fala de outra cidade."),
    ("it", (), "Questa pagina è pertinente perché risponde alla domanda dell'utente sui rimborsi."),
    ("it", ("sport", "politica"), "Questo testo va classificato come sport, poiché descrive una partita."),
    ("nl", (), "Dit document is relevant voor de zoekopdracht omdat het de regels volledig uitlegt."),
    ("nl", (), "Deze pagina past niet bij de vraag van de gebruiker, want ze gaat over huurders."),
    ("sv", (), "Den här sidan är relevant eftersom den besvarar användarens fråga om pension."),
    ("da", (), "Dette dokument er relevant for søgningen, fordi det beskriver reglerne."),
    ("no", (), "Dette dokumentet besvarer ikke forespørselen, fordi det handler om noe annet."),
    ("fi", (), "Tämä sivu vastaa hakukyselyyn, koska siinä kerrotaan hakuajat."),
    ("pl", (), "Ten artykuł jest trafny, ponieważ odpowiada na zapytanie użytkownika."),
    ("pl", ("negatywna", "pozytywna"), "Ta recenzja należy do kategorii negatywnej, ponieważ autor narzeka."),
    ("cs", (), "Tento dokument odpovídá na dotaz, protože popisuje celý postup."),
    ("sk", (), "Tento článok zodpovedá dopyt používateľa, pretože uvádza ceny."),
    ("hr", (), "Ovaj dokument odgovara na upit korisnika jer opisuje postupak."),
    ("sr", (), "Овај текст је релевантан јер одговара на упит корисника."),
    ("sl", (), "Ta stran ustreza poizvedbi, ker opisuje postopek."),
    ("bg", (), "Този документ отговаря на заявката на потребителя, защото описва процедурата."),
    ("ru", (), "Этот документ релевантен, потому что подробно отвечает на запрос пользователя."),
    ("ru", (), "Хотя здесь упоминается тема, этот текст не отвечает на вопрос пользователя."),
    ("ru", ("негативный", "позитивный"), "Этот отзыв следует отнести к категории негативных, так как автор недоволен."),
    ("uk", (), "Цей документ відповідає на запит користувача, оскільки описує порядок дій."),
    ("ro", (), "Acest document este relevant deoarece răspunde la întrebarea utilizatorului."),
    ("hu", (), "Ez a dokumentum releváns, mert választ ad a felhasználó kérdésére."),
    ("el", (), "Αυτό το έγγραφο είναι σχετικό επειδή απαντά στο ερώτημα του χρήστη."),
    ("tr", (), "Bu belge ilgilidir çünkü kullanıcının sorgusunu yanıtlıyor."),
    ("tr", ("olumsuz", "olumlu"), "Bu yorum olumsuz kategorisine girer, çünkü yazar şikâyet ediyor."),
    ("ar", (), "هذه الصفحة ذات صلة لأنها تجيب عن سؤال المستخدم حول الرسوم."),
    ("ar", ("الرياضة", "السياسة"), "هذا النص يندرج ضمن فئة الرياضة لأنه يصف مباراة."),
    ("fa", (), "این سند مرتبط است زیرا به پرسش کاربر پاسخ می\u200cدهد."),
    ("ur", (), "یہ دستاویز متعلقہ ہے کیونکہ یہ صارف کے سوال کا جواب دیتی ہے۔"),
    ("he", (), "מסמך זה רלוונטי כי הוא עונה על שאלת המשתמש."),
    ("hi", (), "यह दस्तावेज़ प्रासंगिक है क्योंकि यह उपयोगकर्ता के प्रश्न का उत्तर देता है।"),
    ("mr", (), "हा दस्तऐवज संबंधित आहे कारण तो वापरकर्त्याच्या प्रश्नाचे उत्तर देतो."),
    ("bn", (), "এই নথিটি প্রাসঙ্গিক কারণ এটি ব্যবহারকারীর প্রশ্নের উত্তর দেয়।"),
    ("gu", (), "આ દસ્તાવેજ સંબંધિત છે કારણ કે તે વપરાશકર્તાના પ્રશ્નનો જવાબ આપે છે."),
    ("ta", (), "இந்த ஆவணம் பயனரின் வினவலுக்குப் பதிலளிப்பதால் பொருத்தமானது."),
    ("te", (), "ఈ పత్రం వినియోగదారు ప్రశ్నకు సమాధానం ఇస్తుంది కాబట్టి సంబంధితమైనది."),
    ("th", (), "เอกสารนี้เกี่ยวข้องกับคำค้นหา เพราะอธิบายขั้นตอนทั้งหมด"),
    ("th", ("กีฬา", "การเมือง"), "ข้อความนี้จัดอยู่ในหมวดกีฬา เนื่องจากกล่าวถึงการแข่งขัน"),
    ("vi", (), "Tài liệu này phù hợp với truy vấn vì nó giải thích đầy đủ thủ tục."),
    ("id", (), "Artikel ini relevan karena menjawab pertanyaan pengguna tentang pajak."),
    ("id", ("negatif", "positif"), "Ulasan ini termasuk kategori negatif karena penulis mengeluh."),
    ("ms", (), "Dokumen ini tidak menjawab soalan pengguna kerana ia membincangkan topik lain."),
    ("sw", (), "Ukurasa huu unahusiana na swali la mtumiaji kwa sababu unaeleza ada."),
    ("tl", (), "Ang dokumentong ito ay nauugnay dahil sinasagot nito ang tanong ng gumagamit."),
    ("am", (), "ይህ ሰነድ ተዛማጅ ነው ምክንያቱም የተጠቃሚውን ጥያቄ ይመልሳል።"),
    ("ko", (), "이 문서는 사용자의 질문에 직접 답하고 있으므로 관련성이 높다."),
    ("ko", ("부정", "긍정"), "이 리뷰는 불만을 토로하고 있기 때문에 부정으로 분류된다."),
    ("ja", (), "この記事は検索クエリに関連していますが、質問には答えていません。"),
    ("ja", ("否定", "肯定"), "このレビューは不満が述べられているため、否定に分類されます。"),
    ("zh", (), "本文与查询相关，因为它详细说明了办理流程。"),
    ("zh", (), "虽然提到了该药物，但这篇文章没有回答用户的问题。"),
    ("zh", ("负面", "正面"), "这条评论应归为负面，因为作者多次抱怨物流。"),
    ("ka", (), "ეს დოკუმენტი რელევანტურია, რადგან მომხმარებლის კითხვას პასუხობს."),
    ("hy", (), "Այս փաստաթուղթը համապատասխանում է հարցմանը, քանի որ նկարագրում է գործընթացը։"),
    ("et", (), "See dokument on asjakohane, sest vastab kasutaja päringule."),
    ("lv", (), "Šis dokuments ir atbilstošs, jo atbild uz lietotāja jautājumu."),
    ("lt", (), "Šis dokumentas yra aktualus, nes atsako į vartotojo užklausą."),
    ("kk", (), "Бұл құжат пайдаланушының сұрауына жауап береді, өйткені рәсімді түсіндіреді."),
    ("ca", (), "Aquest document és rellevant perquè respon a la consulta de l'usuari."),
    ("af", (), "Hierdie dokument is relevant omdat dit die gebruiker se vraag beantwoord."),
]

PLACEHOLDERS: list[tuple[str, str]] = [
    ("en", "Dear [Customer Name], thank you for visiting our store on [Date]."),
    ("en", "Please contact our office at {phone_number} to arrange a viewing."),
    ("en", "The meeting will be held in <INSERT CITY> next week."),
    ("en", "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor."),
    ("en", "Hello %s, your parcel has arrived and waits at the counter."),
    ("en", "Your appointment is on XX/XX/XXXX at the clinic."),
    ("en", "Regards,\n[Your Name]\n[Your Position]"),
    ("en", "We welcome INSERT SPEAKER HERE to the stage."),
    ("en", "Hi {{first_name}}, we noticed that you left something in your cart."),
    ("en", "$COMPANY_NAME$ was founded in the spring of 1962."),
    ("de", "Sehr geehrte Frau [Name], Ihr Termin ist am [Datum einfügen]."),
    ("de", "Die {firmenname} GmbH wurde in [Stadt] gegründet."),
    ("fr", "Cher [Prénom], votre rendez-vous aura lieu le [date à préciser]."),
    ("fr", "La société <NOM DE L'ENTREPRISE> a été fondée en 1950."),
    ("es", "Estimado [Nombre del cliente], su pedido llegará el [fecha]."),
    ("pt", "O museu fica em [cidade] e abre às [inserir horário]."),
    ("it", "Gentile [Nome e Cognome], la sua pratica è stata accolta."),
    ("nl", "Beste [naam], uw afspraak is op [datum invullen]."),
    ("sv", "Mötet hålls i [ort] den [infoga datum]."),
    ("pl", "Szanowny Panie [imię i nazwisko], dziękujemy za zgłoszenie."),
    ("cs", "Vážený pane [jméno], děkujeme za Váš dopis."),
    ("ru", "Уважаемый [имя клиента], ваш заказ отправлен."),
    ("uk", "Шановний [ім'я], ваше замовлення відправлено."),
    ("bg", "Уважаеми [име на клиента], благодарим Ви."),
    ("tr", "Sayın [ad soyad], başvurunuz alınmıştır."),
    ("el", "Αγαπητέ [όνομα], η αίτησή σας εγκρίθηκε."),
    ("ar", "عزيزي [اسم العميل]، تم استلام طلبك."),
    ("fa", "جناب [نام مشتری]، سفارش شما ثبت شد."),
    ("he", "לכבוד [שם הלקוח], הזמנתך התקבלה."),
    ("hi", "प्रिय [ग्राहक का नाम], आपका आवेदन मिल गया है।"),
    ("bn", "প্রিয় [নাম], আপনার আবেদন গৃহীত হয়েছে।"),
    ("ta", "அன்புள்ள [பெயர்], உங்கள் விண்ணப்பம் கிடைத்தது."),
    ("th", "เรียนคุณ [ชื่อลูกค้า] เราได้รับคำสั่งซื้อแล้ว"),
    ("vi", "Kính gửi [tên khách hàng], đơn hàng đã được gửi."),
    ("id", "Yth. [nama pelanggan], pesanan Anda telah dikirim."),
    ("sw", "Ndugu [jina la mteja], maombi yako yamepokelewa."),
    ("ko", "[고객 이름]님, 주문이 접수되었습니다."),
    ("ja", "[会社名]の本社は東京にあります。"),
    ("zh", "尊敬的[姓名]先生，您的订单已发货。"),
    ("hu", "Tisztelt [név], köszönjük a megkeresést."),
    ("fi", "Hyvä [nimi], tilauksenne on lähetetty."),
    ("ro", "Stimate [nume client], comanda a fost expediată."),
]

META: list[tuple[str, bool, str]] = [
    ("en", False, "Sure, here is a search query: best hiking boots for wide feet"),
    ("en", True, "Certainly! Here's the positive document:\n\nThe museum opens at nine."),
    ("en", False, "Here is the translated sentence: The cat sleeps."),
    ("en", True, "Hard negative document: The museum was founded in 1901."),
    ("en", True, "### Response\nThe museum opens at nine."),
    ("en", False, "Sentence 1: The cat sleeps on the sofa."),
    ("en", False, "Search query: cheap flights to Lisbon in May"),
    ("en", True, "The museum opens at nine and closes at six. (128 words)"),
    ("en", True, "The museum opens at nine. Let me know if you'd like me to adjust the tone."),
    ("de", False, "Natürlich! Hier ist die Suchanfrage: günstige Wanderschuhe"),
    ("de", False, "Suchanfrage: günstige Wanderschuhe für breite Füße"),
    ("de", True, "Gerne, hier ist der gewünschte Text: Das Museum öffnet um neun."),
    ("fr", False, "Bien sûr ! Voici la requête : chaussures de randonnée pas chères"),
    ("fr", True, "Voici le document demandé : Le musée ouvre à neuf heures."),
    ("fr", False, "Requête de l'utilisateur : horaires du musée"),
    ("es", False, "¡Claro! Aquí tienes la consulta: botas de montaña baratas"),
    ("es", True, "Documento positivo: El museo abre a las nueve."),
    ("pt", False, "Claro! Aqui está a consulta: botas de caminhada baratas"),
    ("it", True, "Certo! Ecco il documento: Il museo apre alle nove."),
    ("nl", False, "Natuurlijk! Hier is de zoekopdracht: goedkope wandelschoenen"),
    ("sv", True, "Självklart! Här är texten: Museet öppnar klockan nio."),
    ("pl", False, "Oczywiście! Oto zapytanie: tanie buty trekkingowe"),
    ("pl", False, "Zapytanie użytkownika: tanie buty trekkingowe"),
    ("cs", False, "Samozřejmě! Zde je dotaz: levné turistické boty"),
    ("ru", False, "Конечно! Вот запрос: дешёвые походные ботинки"),
    ("ru", False, "Запрос пользователя: дешёвые походные ботинки"),
    ("uk", False, "Звичайно! Ось запит: дешеві похідні черевики"),
    ("bg", False, "Разбира се! Ето заявката: евтини туристически обувки"),
    ("ro", True, "Desigur! Iată documentul: Muzeul se deschide la nouă."),
    ("hu", False, "Természetesen! Íme a lekérdezés: olcsó túrabakancs"),
    ("el", False, "Φυσικά! Ορίστε το ερώτημα: φθηνά ορειβατικά παπούτσια"),
    ("tr", False, "Elbette! İşte sorgu: ucuz yürüyüş botu"),
    ("tr", False, "Kullanıcı sorgusu: ucuz yürüyüş botu"),
    ("ar", False, "بالتأكيد! إليك الاستعلام: أحذية مشي رخيصة"),
    ("fa", False, "البته! در اینجا پرس\u200cوجو آمده است: کفش کوهنوردی ارزان"),
    ("he", False, "בוודאי! הנה השאילתה: נעלי הליכה זולות"),
    ("hi", False, "ज़रूर! यहाँ क्वेरी है: सस्ते ट्रेकिंग जूते"),
    ("bn", True, "অবশ্যই! এখানে নথি: জাদুঘর নয়টায় খোলে।"),
    ("th", False, "แน่นอน! นี่คือคำค้น: รองเท้าเดินป่าราคาถูก"),
    ("vi", False, "Chắc chắn rồi! Đây là truy vấn: giày leo núi giá rẻ"),
    ("id", False, "Tentu! Berikut kueri: sepatu gunung murah"),
    ("ko", False, "물론입니다! 다음은 쿼리입니다: 저렴한 등산화"),
    ("ko", False, "사용자 질문: 저렴한 등산화 추천"),
    ("ja", False, "もちろんです！以下がクエリです：安い登山靴"),
    ("ja", False, "ユーザークエリ：安い登山靴"),
    ("zh", False, "当然可以！以下是查询：便宜的登山鞋"),
    ("zh", False, "用户查询：便宜的登山鞋"),
    ("sw", False, "Bila shaka! Hii hapa hoja: viatu vya bei nafuu"),
    ("et", False, "Muidugi! Siin on päring: odavad matkasaapad"),
]


def table(rows: list[tuple[str, str, str, str, list[str], str]]) -> pa.Table:
    """Rows (group, instruction, query, positive, negatives, language) as the gates get them."""
    names = ("group", "instruction", "query", "positive", "negatives")
    fixed = {"content_hash": "", "model": "m"}
    records = [
        {
            **dict(zip(names, row, strict=False)),
            **fixed,
            "id": str(n),
            "request_id": f"r{n}",
            "query_language": row[5],
            "document_language": row[5],
        }
        for n, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(records, schema=PAIRS)


def judged(group: str, field: str, instruction: str, text: str, language: str) -> set[tuple[str, str]]:
    """(field, reason) of each drop, for a row in which only ``field`` is not plain."""
    texts = {**PLAIN, field: text}
    rows = table(
        [(group, instruction, texts["query"], texts["positive"], ["Another text, about something else."], language)]
    )
    return {
        (line["field"], line["reason"])
        for line in FormatGate(FormatSpec()).judge(rows).to_pylist()
        if line["verdict"] == "drop"
    }


@pytest.mark.parametrize(("reason", "group", "field", "instruction", "text", "language"), FAULTS)
def test_a_fault_is_found_under_its_reason(
    reason: str, group: str, field: str, instruction: str, text: str, language: str
) -> None:
    assert (field, reason) in judged(group, field, instruction, text, language)


@pytest.mark.parametrize(("group", "field", "instruction", "text", "language"), SOUND)
def test_a_sound_text_that_looks_suspicious_passes(
    group: str, field: str, instruction: str, text: str, language: str
) -> None:
    assert not judged(group, field, instruction, text, language)


@pytest.mark.parametrize("field", ["query", "positive"])
@pytest.mark.parametrize(("language", "text"), SAID)
def test_what_people_write_passes(language: str, text: str, field: str) -> None:
    assert not judged("short_long", field, QUESTION, text, language)


@pytest.mark.parametrize(("language", "labels", "sentence"), RELEVANCE)
def test_a_text_that_explains_its_relevance_is_found_wherever_the_sentence_stands(
    language: str, labels: tuple[str, ...], sentence: str
) -> None:
    for text in (sentence, f"Abc def ghi 12. {sentence} Jkl mno pqr."):
        assert explains_relevance(text, language, labels)


@pytest.mark.parametrize(("language", "text"), PLACEHOLDERS)
def test_an_unfilled_place_is_found(language: str, text: str) -> None:
    assert placeholder(text, "")


@pytest.mark.parametrize(("language", "is_document", "text"), META)
def test_talk_about_the_text_is_found(language: str, is_document: bool, text: str) -> None:
    assert meta_talk(text, (language,), is_document)


def test_a_row_of_several_faults_has_a_line_for_each_and_clean_fields_are_kept() -> None:
    rows = table([("short_long", QUESTION, "User query: where", "Dear [Name],<br>hello", ["A plain text."], "en")])
    lines = FormatGate(FormatSpec()).judge(rows)
    assert lines.schema == VERDICTS
    found = [(line["field"], line["verdict"], line["reason"]) for line in lines.to_pylist()]
    assert found == [
        ("query", "drop", Reason.META_TALK),
        ("positive", "drop", Reason.PLACEHOLDER),
        ("positive", "drop", Reason.MARKUP_LEAK),
        ("negative", "keep", None),
    ]


def test_no_rows_give_no_lines() -> None:
    assert FormatGate(FormatSpec()).judge(table([])).num_rows == 0


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400), st.sampled_from(sorted(LANGUAGES)), st.sampled_from(["short_long", "long_short", "sts"]))
def test_any_text_is_judged_without_fault_and_excerpts_are_short(text: str, language: str, group: str) -> None:
    lines = FormatGate(FormatSpec()).judge(table([(group, QUESTION, text, text, [text], language)])).to_pylist()
    assert {line["field"] for line in lines} == {"query", "positive", "negative"}
    assert all(line["related"] is None or len(line["related"]) <= 200 for line in lines)


@pytest.mark.parametrize("unit", ["[", "{{ ", "<", "\n", " ", '" ', "!", "`", "this page is relevant "])
def test_hostile_texts_are_judged_in_linear_time(unit: str) -> None:
    """Quadratic patterns take minutes on such a text; the limit is generous, for busy machines."""
    judged("long_short", "query", QUESTION, (unit * 100_000)[:100_000] + "x", "en")


def recorded() -> list[tuple[str | None, bool]]:
    """(planted defect, whether the gate dropped the row) of each recorded answer that parses."""

    def lines(name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (RECORDED / name).read_text(encoding="utf-8").split("\n") if line]

    requests = {str(line["id"]): Request.model_validate(line) for line in lines("requests.jsonl")}
    truth = {str(line["id"]): line["defect"] for line in lines("truth.jsonl")}
    rows, defects = [], []
    for line in lines("completions.jsonl"):
        request = requests[str(line["id"])]
        texts = parse_answer(str(line["completion"]), request.group).texts
        if texts:
            negatives = [texts["negative"]] if "negative" in texts else []
            rows.append(
                (
                    request.group,
                    request.instruction,
                    texts["query"],
                    texts["positive"],
                    negatives,
                    request.query_language,
                    request.document_language,
                )
            )
            defects.append(truth[request.id])
    names = ("group", "instruction", "query", "positive", "negatives", "query_language", "document_language")
    records = [
        {**dict(zip(names, row, strict=True)), "id": str(n), "request_id": "r", "content_hash": "", "model": "m"}
        for n, row in enumerate(rows)
    ]
    verdicts = FormatGate(FormatSpec()).judge(pa.Table.from_pylist(records, schema=PAIRS)).to_pylist()
    dropped = {int(line["id"]) for line in verdicts if line["verdict"] == "drop"}
    return [(defect, n in dropped) for n, defect in enumerate(defects)]


def test_of_the_recorded_answers_the_faulty_go_and_the_sound_stay() -> None:
    mine = {"explains_relevance", "placeholder", "markup_leak", "mojibake", "refusal"}
    result = recorded()
    found = [gone for defect, gone in result if defect in mine]
    assert sum(found) / len(found) > 0.95
    assert not [defect for defect, gone in result if gone and defect not in mine]
