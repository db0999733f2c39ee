"""Unfilled places of many shapes and languages against sound texts that look like them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound_texts import SOUND

from pairsmith.validators.placeholder import placeholder

# (language, text)
UNFILLED: list[tuple[str, str]] = [
    ("en", "The workshop starts at {0} on the second floor, so please bring your own laptop and a notebook."),
    ("fr", "Bonjour %prenom%, votre colis est arrivé au point relais et vous attend jusqu'à samedi."),
    ("it", "Gentile @@COGNOME@@, la sua visita oculistica è confermata per martedì mattina."),
    ("pt", "O recibo foi emitido em nome de ##NOME_COMPLETO## e enviado por correio registado."),
    ("es", "Estimada __NOMBRE__, le recordamos que la matrícula vence el viernes."),
    ("pl", "Szanowny Panie <<nazwisko_klienta>>, reklamacja została przyjęta do rozpatrzenia."),
    ("de", "Die Monatsmiete beträgt $MIETPREIS_EUR und ist bis zum dritten Werktag zu zahlen."),
    ("ru", "Ваш заказ НОМЕР_ЗАКАЗА передан в службу доставки, курьер позвонит за час."),
    ("tr", "Sayın MÜŞTERİ_ADI, faturanız ekte yer almaktadır, iyi günler dileriz."),
    ("hu", "A találkozó helyszíne «helyszín neve», kezdés pontban hatkor."),
    ("sk", "Zmluva sa uzatvára na dobu určitú do DD.MM.RRRR, potom zaniká bez výpovede."),
    ("fi", "Vuokrasopimus alkaa PP.KK.VVVV ja jatkuu toistaiseksi, takuuvuokra on kahden kuukauden vuokra."),
    ("de", "Der Kurs beginnt am TT.MM.JJJJ im Gemeindehaus, Anmeldung bei Frau Lorenz."),
    ("es", "La reunión de vecinos será el DD/MM/AAAA a las siete en el portal."),
    ("hr", "Skupština se održava __.__.202_ u prostorijama mjesne zajednice s početkom u 18 sati."),
    ("en", "Your balance of $X,XXX.XX is due before the end of the month, otherwise a late fee applies."),
    ("sv", "Hyran är XX XXX kr i månaden och vatten ingår, inflyttning efter överenskommelse."),
    ("nb", "Prisen er X.XXX,- inkludert frakt, og varen leveres på døra innen en uke."),
    ("ja", "○○様、先日はご来店いただき誠にありがとうございました。またのお越しをお待ちしております。"),
    ("ja", "来月から△△支店に異動することになりましたので、ご挨拶申し上げます。"),
    ("zh", "尊敬的□□先生，您的预约已经确认，请于周五上午九点到店。"),
    ("zh", "我们诚挚邀请您参加将于×月×日在市体育馆举行的开幕式，请准时到场。"),
    ("ko", "저는 △△△ 회사에서 오 년 동안 일했으며 지금은 이직을 준비하고 있습니다."),
    ("zh", "收货人电话是XXXXXXXXXXX，快递员联系不上，请尽快核实后重新派送。"),
    ("ru", "Уважаемая (вписать имя), приглашаем вас на родительское собрание в среду."),
    ("fr", "Nous vous attendons le (insérer la date) à la mairie pour la cérémonie des vœux."),
    ("de", "Liebe (Name einfügen), herzlichen Glückwunsch zum bestandenen Examen!"),
    ("mr", "प्रति, मुख्याध्यापक, (शाळेचे नाव लिहा). माझ्या मुलाला दोन दिवस रजा मिळावी ही विनंती."),
    ("bn", "মাননীয় (নাম লিখুন), আপনার আবেদনপত্র আমরা পেয়েছি এবং শীঘ্রই যোগাযোগ করব।"),
    ("ja", "弊社（会社名を入れる）では、来春の新卒採用を開始いたしました。ぜひご応募ください。"),
    ("zh", "兹证明（请填写姓名）同学系我校计算机学院本科三年级学生，特此证明。"),
    ("ko", "안녕하세요, (이름 입력)님. 주문하신 상품이 오늘 출고되었습니다."),
    ("tr", "Sevgili (adınızı yazın), doğum gününüz kutlu olsun, sağlıkla nice yıllara."),
    ("uk", "Шановний (вкажіть прізвище), ваше звернення зареєстровано за окремим номером."),
    ("vi", "Kính gửi (điền tên công ty), chúng tôi xin xác nhận đã nhận được đơn đặt hàng."),
    ("id", "Yth. Bapak (isi nama), dengan ini kami sampaikan undangan rapat warga."),
    ("es", "Firmado por doña NOMBRE APELLIDOS en la ciudad de Burgos, a quince de mayo."),
    ("ru", "Договор заключён с гражданином ФАМИЛИЯ ИМЯ на срок до конца года."),
    ("en", "We at COMPANY NAME are delighted to offer you the position of junior accountant."),
    ("cs", "Faktura byla vystavena na JMÉNO PŘÍJMENÍ a je splatná do čtrnácti dnů."),
    ("en", "The refund takes ten days. TODO: add the phone number of the billing team. Contact us if it is late."),
    ("fr", "Le musée ouvre à dix heures. TODO : vérifier le tarif réduit. Les chiens sont interdits."),
    ("nl", "De lezing is gratis. Spreker: TBD. Na afloop is er koffie in de hal."),
    ("pt", "A excursão parte do terminal. Preço: TBD. FIXME confirmar com a agência. Levem água e chapéu."),
    (
        "en",
        "My uncle ... moved to Lyon in 1974 and opened a bakery with ... near the old bridge; "
        "both men worked there for decades.",
    ),
    ("de", "Name hier einfügen, vielen Dank für Ihre Bestellung, die heute unser Lager verlassen hat."),
    ("en", "Your company name here has been the trusted choice of families since 1982."),
    ("ar", "السيد [اسم العميل]، نود إبلاغكم بأن طلبكم قيد التجهيز."),
    ("ar", "حضرة السيدة (اكتب الاسم هنا)، تمت الموافقة على طلب الإجازة."),
    ("fa", "جناب آقای (نام را وارد کنید)، درخواست شما بررسی شد."),
    ("he", "לכבוד (הכנס שם), פנייתך התקבלה ותטופל בימים הקרובים."),
    ("el", "Αγαπητέ (συμπληρώστε όνομα), σας ευχαριστούμε για τη δωρεά σας."),
    ("th", "เรียน คุณ(ใส่ชื่อ) ทางเราได้รับเอกสารของท่านเรียบร้อยแล้ว"),
    ("bg", "Срещата е в {град} на дванадесети, заповядайте."),
    ("et", "Lugupeetud [perekonnanimi], teie avaldus on vastu võetud."),
    ("lt", "Gerb. {vardas_pavarde}, jūsų siunta pasieks jus rytoj."),
    ("sw", "Ndugu [jina la mteja], oda yako itafika kesho asubuhi."),
    ("ka", "ბატონო [სახელი, გვარი], თქვენი განაცხადი მიღებულია."),
    ("hy", "Հարգելի [անուն], ձեր պատվերը ճանապարհին է։"),
    ("is", "Kæri {nafn}, pakkinn þinn er kominn á pósthúsið."),
    ("sq", "I nderuar [emri i klientit], porosia juaj u nis sot."),
    ("kk", "Құрметті {аты-жөні}, тапсырысыңыз жолға шықты."),
    ("am", "ውድ [የደንበኛ ስም]፣ ትዕዛዝዎ ተልኳል።"),
    ("ta", "அன்புள்ள (பெயரை உள்ளிடவும்), உங்கள் விண்ணப்பம் ஏற்கப்பட்டது."),
    ("ro", "Stimată doamnă [NUME], programarea dumneavoastră este confirmată pentru joi."),
    ("da", "Vi mødes d. XX/XX kl. 19 i klubhuset, husk kaffe og kage."),
    ("fr", "Le loyer est de XXX euros charges comprises, libre tout de suite, proche des commerces."),
    ("en", "Hi, this is ****** from the dental clinic, your appointment moved to Thursday at noon."),
    ("cy", "Annwyl [enw'r cwsmer], mae eich archeb wedi ei hanfon heddiw."),
    ("nl", "Beste {{voornaam}}, je bestelling is onderweg."),
    ("ja", "貴殿の受験番号は〔受験番号〕です。当日は写真付き身分証をお持ちください。"),
    ("zh", "《公司名称》将于下周召开年度大会，请全体员工准时参加。"),
    ("ur", "محترم (نام درج کریں)، آپ کی درخواست موصول ہو گئی ہے۔"),
    ("sr", "Поштовани (унети име), ваша пријава је прихваћена."),
    ("be", "Шаноўны (упішыце імя), ваша замова адпраўлена сёння."),
    ("mk", "Почитувани {ime_i_prezime}, вашата пратка пристигна во градот."),
    ("az", "Hörmətli (adınızı yazın), sifarişiniz sabah çatdırılacaq."),
    ("gu", "પ્રિય (નામ લખો), તમારી અરજી મંજૂર થઈ છે."),
    ("pa", "ਪਿਆਰੇ [ਨਾਮ], ਤੁਹਾਡਾ ਆਰਡਰ ਕੱਲ੍ਹ ਪਹੁੰਚ ਜਾਵੇਗਾ।"),
    ("my", "လေးစားရပါသော [အမည်]၊ သင့်အော်ဒါ ရောက်ရှိပါပြီ။"),
    ("ha", "Malam [suna], odarka za ta iso gobe da safe."),
    ("so", "Mudane [magaca macmiilka], dalabkaagu wuu soo socdaa."),
    ("eo", "Estimata %nomo%, via mendo estas survoje al vi."),
    ("af", "Geagte [naam], u bestelling is vandag afgestuur."),
    ("ga", "A [ainm] a chara, tá d'ordú ar an mbealach chugat."),
    ("sq", "Çmimi është XX.XXX lekë dhe përfshin transportin deri në shtëpi; data: DD.MM.VVVV."),
    ("is", "Fundurinn verður DD.MM.ÁÁÁÁ klukkan átta í félagsheimilinu."),
    ("lt", "Susitikimas vyks MMMM-MM-DD bibliotekoje, visi laukiami."),
    ("nl", "De huur gaat in op DD-MM-JJJJ en wordt maandelijks voldaan."),
    ("el", "Η συνέλευση θα γίνει στις ΗΗ/ΜΜ/ΕΕΕΕ στην αίθουσα του δημαρχείου."),
    ("zh", "会议定于××××年××月××日在三楼会议室召开，请准时出席。"),
    ("ja", "面接は〇月〇日に本社で行いますので、履歴書をご持参ください。"),
    ("fr", "Le contrat de Mme NOM PRÉNOM prend effet lundi prochain pour une durée d'un an."),
    ("sv", "Avtalet gäller för FÖRNAMN EFTERNAMN och kan sägas upp när som helst."),
    ("pl", "Drodzy Państwo, zapraszamy na zebranie w dniu RRRR-MM-DD o osiemnastej w świetlicy."),
    ("en", "Flight XX1234 is fine but {passenger} never boarded, according to the gate agent's note."),
    ("de", "Sehr geehrte Frau ____, wir bestätigen den Eingang Ihrer Kündigung zum Monatsende."),
    ("fr", "Chère ............, nous avons bien reçu votre dossier d'inscription pour la rentrée."),
    ("ru", "Уважаемый ______! Благодарим вас за обращение в нашу клинику."),
    ("es", "El curso cuesta XX € y empieza en otoño, con plazas limitadas para residentes."),
    ("it", "L'evento si terrà il GG/MM/AAAA presso il teatro comunale, ingresso libero."),
    ("ja", "お客様のご注文番号はXXXXXXXXです。発送まで今しばらくお待ちください。"),
    ("zh", "您好，我是XX公司的客服小李，请问您对我们的产品满意吗？"),
    ("zh", "尊敬的XXX女士，感谢您参加本次活动。"),
    ("ko", "안녕하세요, OOO 고객님. 문의하신 내용에 답변드립니다."),
    ("ko", "주문번호는 [주문번호]이며 내일 도착 예정입니다."),
    ("en", "Dear Mr. <Surname>, thank you for your letter about the broken fence."),
    ("en", "The meeting is moved to <date> at the same place; bring your slides."),
    ("pt", "Caro {cliente}, a sua encomenda n.º {numero} foi expedida hoje."),
    ("uk", "Шановна {{імʼя}}, ваше замовлення вже в дорозі."),
    ("vi", "Gửi anh/chị [Họ tên], đơn hàng của anh/chị đã được giao thành công."),
    ("sv", "Hej [förnamn]! Din bokning är bekräftad och vi ses på lördag."),
    ("cs", "Vážený pane [PŘÍJMENÍ], vaše reklamace byla uznána."),
    ("hu", "Kedves [Keresztnév]! Köszönjük a rendelést, holnap érkezik a csomag."),
    ("tr", "Sayın [Ad Soyad], randevunuz perşembe gününe alınmıştır."),
    ("fa", "مشتری گرامی [نام مشتری]، سفارش شما ارسال شد."),
    ("hi", "प्रिय [ग्राहक का नाम], आपका ऑर्डर कल पहुँच जाएगा।"),
    ("bn", "প্রিয় [গ্রাহকের নাম], আপনার অর্ডার আগামীকাল পৌঁছাবে।"),
    ("te", "ప్రియమైన [కస్టమర్ పేరు], మీ ఆర్డర్ రేపు అందుతుంది."),
    ("el", "Αγαπητέ κύριε [ΕΠΩΝΥΜΟ], η αίτησή σας εγκρίθηκε."),
    ("he", "שלום [שם הלקוח], ההזמנה שלך בדרך."),
    ("ar", "عزيزي {اسم_العميل}، تم شحن طلبك اليوم."),
    ("id", "Halo %nama_pelanggan%, pesanan Anda akan tiba besok pagi."),
    ("nl", "Beste ##KLANTNAAM##, uw afspraak is verzet naar vrijdag."),
    ("fi", "Hyvä @@ASIAKAS@@, tilauksenne on toimitettu noutopisteeseen."),
    ("da", "Kære (indsæt navn), tak for din ansøgning om en kolonihave."),
    ("no", "Kjære (fyll inn navn), vi gleder oss til å se deg på årsmøtet."),
    ("ro", "Stimate domnule (completați numele), cererea a fost înregistrată."),
    ("lv", "Cienījamais (ierakstiet vārdu), jūsu pieteikums ir saņemts."),
    ("ca", "Benvolguda (inseriu el nom), la vostra reserva ha estat confirmada."),
    ("eu", "[Izena] jaun agurgarria, zure eskaera jaso dugu."),
    ("si", "හිතවත් (නම ඇතුළත් කරන්න), ඔබේ අයදුම්පත ලැබුණි."),
    ("km", "សូមគោរពជូន [ឈ្មោះអតិថិជន] ការបញ្ជាទិញរបស់អ្នកបានផ្ញើហើយ។"),
]


@pytest.mark.parametrize(("language", "text"), UNFILLED)
def test_a_place_that_was_never_filled_in_is_found_whatever_its_shape(language: str, text: str) -> None:
    assert placeholder(text, "")


@pytest.mark.parametrize(("language", "text", "context"), SOUND)
def test_a_sound_text_with_signs_brackets_or_capitals_passes(language: str, text: str, context: str) -> None:
    assert placeholder(text, context) is None


@pytest.mark.parametrize("context", ["How to write a letter template", "Vorlage für eine Kündigung", "邮件模板"])
def test_a_place_to_fill_is_sound_where_templates_are_the_topic(context: str) -> None:
    assert placeholder("Dear [Name], your order {order_id} has left our warehouse on DD/MM/YYYY.", context) is None


@given(st.text(alphabet=st.sampled_from("aA_X.{}[]()<>«»%@#$*○×/- \n…imeназвание"), max_size=300))
def test_whatever_is_found_stands_in_the_text(text: str) -> None:
    found = placeholder(text, "")
    assert found is None or found in text


@pytest.mark.parametrize(
    "piece", ["{", "[a ", "«ime ", "A_", "_", "X.X", "@@a ", "%a", "○", "a ... ", "(insert ", "$A_", "DD/", "NAME "]
)
def test_a_long_text_of_signs_is_judged_in_linear_time(piece: str) -> None:
    start = time.perf_counter()
    placeholder(piece * (60_000 // len(piece)), "")
    assert time.perf_counter() - start < 5
