"""The reasons of the policy that ships with us, in German; a policy's own reasons stay as they are written there."""

from typing import Final

REASONS: Final[dict[str, str]] = {
    "Several sign-ins to this account failed in the last ten minutes": (
        "Mehrere Anmeldungen an diesem Konto sind in den letzten zehn Minuten fehlgeschlagen"
    ),
    "Many sign-ins to this account failed in the last hour": (
        "Viele Anmeldungen an diesem Konto sind in der letzten Stunde fehlgeschlagen"
    ),
    "Somebody keeps guessing the password of this account": "Jemand rät immer wieder am Passwort dieses Kontos",
    "Sign-ins to this account have been failing all day": (
        "Anmeldungen an diesem Konto schlagen schon den ganzen Tag fehl"
    ),
    "Sign-ins to this account fail from many different addresses": (
        "Anmeldungen an diesem Konto schlagen von vielen verschiedenen Adressen aus fehl"
    ),
    "This account was used from unusually many addresses today": (
        "Dieses Konto wurde heute von ungewöhnlich vielen Adressen aus benutzt"
    ),
    "Sign-ins from this address keep failing": "Anmeldungen von dieser Adresse schlagen immer wieder fehl",
    "Many sign-ins from this address failed in the last hour": (
        "Viele Anmeldungen von dieser Adresse sind in der letzten Stunde fehlgeschlagen"
    ),
    "Sign-ins from this address have been failing all day": (
        "Anmeldungen von dieser Adresse schlagen schon den ganzen Tag fehl"
    ),
    "Sign-ins from this address that name nobody keep failing": (
        "Anmeldungen ohne Namen von dieser Adresse schlagen immer wieder fehl"
    ),
    "Several different accounts were tried from this address": (
        "Von dieser Adresse aus wurden mehrere verschiedene Konten versucht"
    ),
    "Passwords of many accounts are being tried from this address": (
        "Von dieser Adresse aus werden Passwörter vieler Konten durchprobiert"
    ),
    "One address has been trying account after account today": (
        "Eine Adresse versucht heute ein Konto nach dem anderen"
    ),
    "Many sign-ins from this network failed in the last hour": (
        "Viele Anmeldungen aus diesem Netz sind in der letzten Stunde fehlgeschlagen"
    ),
    "Many different accounts were tried from this network": (
        "Aus diesem Netz wurden viele verschiedene Konten versucht"
    ),
    "Sign-ins on this device keep failing, for more than one account": (
        "Anmeldungen auf diesem Gerät schlagen immer wieder fehl, an mehr als einem Konto"
    ),
    "Many different accounts were tried on this device": (
        "Auf diesem Gerät wurden viele verschiedene Konten versucht"
    ),
    "More sign-ins than usual are failing everywhere right now": (
        "Gerade schlagen überall mehr Anmeldungen fehl als üblich"
    ),
    "Most sign-ins of the last minutes failed": "Die meisten Anmeldungen der letzten Minuten sind fehlgeschlagen",
    "This account has not been used here before": "Dieses Konto wurde hier noch nie benutzt",
    "You have not used this device before": "Sie haben dieses Gerät noch nie benutzt",
    "You have not used this address before": "Sie haben diese Adresse noch nie benutzt",
    "You have not used this network before": "Sie haben dieses Netz noch nie benutzt",
    "You have not used this internet provider before": "Sie haben diesen Internetanbieter noch nie benutzt",
    "You have not signed in from this country before": "Sie haben sich noch nie aus diesem Land angemeldet",
    "You have not used this version of this program before": (
        "Sie haben diese Version dieses Programms noch nie benutzt"
    ),
    "You have not used this browser before": "Sie haben diesen Browser noch nie benutzt",
    "This is a sensitive action, from a device or a place that is new for you": (
        "Dies ist eine heikle Aktion, von einem Gerät oder Ort, der für Sie neu ist"
    ),
    "This is where and how you usually work": "Wo und wie Sie arbeiten, ist wie gewohnt",
    "Nobody travels this fast from the place of your last sign-in": (
        "So schnell reist niemand vom Ort Ihrer letzten Anmeldung hierher"
    ),
    "You are not usually active at this hour": "Um diese Zeit sind Sie sonst nicht aktiv",
    "This account has not been used for a long time": "Dieses Konto wurde lange nicht benutzt",
    "The address of this request cannot be read, so nobody can tell where it comes from": (
        "Die Adresse dieser Anfrage ist nicht lesbar, darum weiß niemand, woher sie kommt"
    ),
    "It is not known where this request comes from": "Es ist nicht bekannt, woher diese Anfrage kommt",
    "This request comes through the Tor network": "Diese Anfrage kommt durch das Tor-Netz",
    "This request comes from a data centre": "Diese Anfrage kommt aus einem Rechenzentrum",
    "This request comes through a VPN": "Diese Anfrage kommt durch ein VPN",
    "Requests come faster than a person works": "Anfragen kommen schneller, als ein Mensch arbeitet",
    "There is much more activity than is usual for you": "Es geschieht viel mehr, als bei Ihnen üblich ist",
    "The same sensitive action was repeated many times in the last hour": (
        "Dieselbe heikle Aktion wurde in der letzten Stunde viele Male wiederholt"
    ),
    "Data is being taken out in bulk": "Es werden Daten in großer Menge herausgegeben",
    "Unusually much is being read in a short time": "In kurzer Zeit wird ungewöhnlich viel gelesen",
    "Your address changed since you signed in": "Ihre Adresse hat sich seit der Anmeldung geändert",
    "Your network changed since you signed in": "Ihr Netz hat sich seit der Anmeldung geändert",
    "Another browser is using the session that you signed in with": (
        "Ein anderer Browser benutzt die Sitzung, mit der Sie sich angemeldet haben"
    ),
    "The session that you signed in with is used from another country now": (
        "Die Sitzung, mit der Sie sich angemeldet haben, wird jetzt aus einem anderen Land benutzt"
    ),
    "Several requests for a code were not answered in the last minutes": (
        "Mehrere Anfragen nach einem Code blieben in den letzten Minuten unbeantwortet"
    ),
    "Several wrong codes were entered in the last hour": (
        "In der letzten Stunde wurden mehrere falsche Codes eingegeben"
    ),
    "Several requests for a code were left unanswered today": (
        "Mehrere Anfragen nach einem Code blieben heute unbeantwortet"
    ),
    "A password, an address or a factor of this account was changed within a day": (
        "Ein Passwort, eine Adresse oder ein Nachweis dieses Kontos wurde innerhalb eines Tages geändert"
    ),
    "Somebody was asked for a proof today and said that it was not them": (
        "Heute wurde jemand um einen Nachweis gebeten und sagte, dass er es nicht war"
    ),
    "A passkey of this account seems to have been copied": (
        "Ein Passkey dieses Kontos wurde anscheinend kopiert"
    ),
    "This device was remembered when you last proved that it was you": (
        "Dieses Gerät wurde gemerkt, als Sie zuletzt nachwiesen, dass Sie es sind"
    ),
    "Attacks have come from this address before": "Von dieser Adresse kamen schon Angriffe",
    "This account has been attacked before": "Dieses Konto wurde schon angegriffen",
    "This action changes nothing and shows little": "Diese Aktion ändert nichts und zeigt wenig",
    "This person has been asked for a proof too often in the last minutes.": (
        "Sie wurden in den letzten Minuten zu oft um einen Nachweis gebeten."
    ),
    "The log may have lost entries: until an operator has looked into it, the highest proof is needed.": (
        "Das Protokoll könnte Einträge verloren haben: Bis jemand das geprüft hat, wird der stärkste Nachweis verlangt."
    ),
    "This session was ended from elsewhere: please sign in again.": (
        "Diese Sitzung wurde von anderswo beendet: Bitte melden Sie sich neu an."
    ),
    "Passwords are being tried on many accounts from many places, a few at a time": (
        "Von vielen Orten aus werden an vielen Konten Passwörter versucht, immer nur wenige"
    ),
    "This action hurts when it is abused": "Diese Aktion richtet Schaden an, wenn sie missbraucht wird",
    "Nothing tells this device from others of its kind, and its address is new for you": (
        "Nichts unterscheidet dieses Gerät von anderen seiner Art, und seine Adresse ist neu für Sie"
    ),
    "You have used this device before": "Sie haben dieses Gerät schon benutzt",
    "How usual this place is for you, compared with everybody else": (
        "Wie üblich dieser Ort für Sie ist, verglichen mit allen anderen"
    ),
    "How usual this program is for you, compared with everybody else": (
        "Wie üblich dieses Programm für Sie ist, verglichen mit allen anderen"
    ),
    "An emergency was declared: until it is over, the highest proof is needed.": (
        "Ein Notfall wurde ausgerufen: Bis er vorbei ist, wird der stärkste Nachweis verlangt."
    ),
    "A new policy is being tried out for you, and the present one asks for more.": (
        "Für Sie wird eine neue Richtlinie erprobt, und die jetzige verlangt mehr."
    ),
    "A new policy that is being tried out for you could not be evaluated, so more is asked.": (
        "Eine neue Richtlinie, die für Sie erprobt wird, konnte nicht ausgewertet werden, daher wird mehr verlangt."
    ),
}
