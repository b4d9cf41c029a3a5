"""All that our pages say, in German: the same keys, with the same braces, as in English."""

from typing import Final

TEXTS: Final[dict[str, str]] = {
    "language": "Sprache",
    "fault_title": "Fehler",
    # -- a challenge
    "confirm_title": "Bestätigen Sie, dass Sie es sind",
    "asked_of": "Gefragt ist {actor}",
    "details": "Alle Angaben ({count})",
    "why": "Warum werde ich gefragt?",
    "how": "Ihre Bestätigung",
    "or": "oder",
    "others": "Anders bestätigen",
    "confirm": "Bestätigen",
    "remember": "Dieses Gerät merken",
    "reason_action": "Diese Aktion verlangt immer einen frischen Nachweis, dass Sie es sind.",
    "own_security.open": "Ihre Sicherheitsseite öffnen",
    "own_security.sessions": "Eine oder mehrere Sitzungen beenden",
    "own_security.devices": "Ein oder mehrere gemerkte Geräte vergessen",
    "own_factor.enroll": "Einen Nachweis hinzufügen, dass Sie es sind",
    "own_factor.remove": "Einen Nachweis entfernen, dass Sie es sind",
    "kind_webauthn": "Passkey",
    "kind_totp": "Authenticator-App",
    "kind_email": "Code per E-Mail",
    "kind_sms": "Code per SMS",
    "kind_push": "Freigabe auf Ihrem Telefon",
    "kind_recovery": "Wiederherstellungscode",
    "kind_provider": "Konto Ihrer Organisation",
    "code_totp": "Code aus Ihrer Authenticator-App",
    "code_email": "Code aus der E-Mail",
    "code_sms": "Code aus der SMS",
    "code_recovery": "Wiederherstellungscode",
    "hint_totp": "6 Ziffern, alle 30 Sekunden neue.",
    "hint_email": "Es kann eine Minute dauern. Sehen Sie auch im Spam-Ordner nach.",
    "hint_sms": "Es kann eine Minute dauern.",
    "hint_recovery": (
        "Einer der Codes, die Sie gedruckt oder gespeichert haben. Jeder gilt einmal. Er beweist weniger "
        "als Ihre anderen Nachweise: Nach ihm lassen sich diese eine Zeit lang nicht ändern."
    ),
    "send_email": "Code an {hint} senden",
    "send_sms": "Code an {hint} senden",
    "send_again": "Noch einmal an {hint} senden",
    "send_after": "Noch einmal senden in {seconds} s",
    "push_send": "Anfrage an Ihr Telefon senden",
    "push_again": "Anfrage noch einmal senden",
    "push_wait": "Weiter warten",
    "push_title": "Auf Ihrem Telefon freigeben",
    "push_how": "Sehen Sie auf Ihr Telefon",
    "push_number": "Öffnen Sie dort die Anfrage und wählen Sie diese Zahl:",
    "push_open": "Öffnen Sie dort die Anfrage und geben Sie sie frei, wenn dort dasselbe steht wie hier.",
    "push_waiting": "Wir warten auf Ihre Antwort",
    "push_lost": "Keine Verbindung. Neuer Versuch.",
    "push_no_script": "Diese Seite sieht alle paar Sekunden nach.",
    "push_other": "Anders bestätigen",
    "provider_use": "Weiter mit {provider}",
    "provider_unnamed": "dem Konto Ihrer Organisation",
    "passkey_use": "Passkey verwenden",
    "passkey_hint": "Fingerabdruck, Gesicht, Bildschirmsperre oder Sicherheitsschlüssel.",
    "passkey_unsupported": "Dieser Browser kann keine Passkeys verwenden.",
    "passkey_no_script": "Ein Passkey braucht JavaScript, das in diesem Browser abgeschaltet ist.",
    "passkey_no_script_new": (
        "Um einen Passkey hinzuzufügen, braucht es JavaScript. In diesem Browser ist es abgeschaltet."
    ),
    "passkey_cancelled": (
        "Der Passkey wurde nicht verwendet: abgebrochen, oder es dauerte zu lange. Sie können es noch "
        "einmal versuchen."
    ),
    "passkey_none": "Auf diesem Gerät ist kein Passkey von Ihnen. Bestätigen Sie auf andere Weise.",
    "passkey_failed": (
        "Der Passkey hat nicht funktioniert. Versuchen Sie es noch einmal oder auf andere Weise."
    ),
    "passkey_busy": "Wir warten auf Ihr Gerät",
    "locked_until": (
        "{what}: nach zu vielen falschen Antworten gesperrt bis {time}. Bestätigen Sie anders, oder "
        "warten Sie."
    ),
    "valid_until": "Gültig bis {time}",
    "left": "(noch {minutes}:{seconds})",
    "soon": "Noch {seconds} Sekunden",
    "over_title": "Die Zeit ist um",
    "over_text": "Es wurde nichts bestätigt. Wenn Sie es noch tun wollen, beginnen Sie neu.",
    "start_again": "Neu beginnen",
    "cancel": "Abbrechen und zurück",
    "not_me": "Das war ich nicht",
    "not_me_what": (
        "Dann wird nichts freigegeben: Diese Anfrage endet jetzt, es wird festgehalten, dass Sie es nicht"
        " waren, und neue Anfragen zu Ihrem Konto werden strenger geprüft. Vielleicht kennt jemand Ihr "
        "Passwort; ändern Sie es."
    ),
    "not_me_do": "Ich war es nicht",
    "note_not_accepted": (
        "Das wurde nicht angenommen. Prüfen Sie es und versuchen Sie es noch einmal, oder bestätigen Sie "
        "anders."
    ),
    "note_locked": (
        "Es gab zu viele falsche Antworten. Bestätigen Sie anders, oder warten Sie, bis die Sperre endet."
    ),
    "note_busy": "Zu viel auf einmal. Warten Sie etwas und versuchen Sie es noch einmal.",
    "note_not_sent": (
        "Das Senden ist nicht gelungen. Versuchen Sie es noch einmal, oder bestätigen Sie anders."
    ),
    "note_not_witnessed": (
        "Es ließ sich nicht sicher festhalten, darum wurde nichts bestätigt. Versuchen Sie es mit einem "
        "neuen Code."
    ),
    "note_provider": (
        "Damit ist nicht nachgewiesen, dass Sie es sind. Versuchen Sie es noch einmal, oder bestätigen "
        "Sie anders."
    ),
    "note_sent": "Gesendet. Wenn nichts ankommt, können Sie es in einer halben Minute noch einmal senden.",
    # -- after it
    "done_title": "Bestätigt",
    "done_closing": "Dieses Fenster schließt sich von selbst.",
    "go_on": "Weiter",
    "forward_title": "Einen Augenblick",
    "forward_text": (
        "Sie werden zu {provider} gebracht. Weisen Sie dort nach, dass Sie es sind; dann kommen Sie "
        "hierher zurück."
    ),
    "finished_title": "Sie haben dies schon bestätigt",
    "finished_text": "Das geht nur einmal, darum ist hier nichts mehr zu tun.",
    "finished_next": "Es geht in der Anwendung weiter.",
    "finished_lost_title": "Bestätigt",
    "finished_lost_text": (
        "Die Adresse dieser Seite sagte nicht, woher Sie kamen, darum erfährt die Anwendung nichts davon."
    ),
    "finished_lost_next": "Gehen Sie zurück zur Anwendung und beginnen Sie dort neu.",
    "denied_title": "Danke, dass Sie es sagen",
    "denied_text": (
        "Es wurde nichts freigegeben. Die Anfrage ist geschlossen, und es ist festgehalten, dass Sie es "
        "nicht waren."
    ),
    "denied_next": (
        "Ändern Sie jetzt Ihr Passwort und sehen Sie auf Ihrer Sicherheitsseite die letzten Vorgänge durch."
    ),
    "closed_title": "Diese Anfrage ist geschlossen",
    "closed_text": "Sie wurde schon beantwortet oder abgelehnt, oder ihre Zeit ist um.",
    "closed_next": "Wenn Sie es noch tun wollen, beginnen Sie in der Anwendung neu.",
    "elsewhere_title": "Dies wurde in einem anderen Browser geöffnet",
    "elsewhere_text": (
        "Eine Anfrage lässt sich nur in dem Browser beantworten, der sie zuerst geöffnet hat, auf "
        "demselben Gerät."
    ),
    "elsewhere_next": (
        "Machen Sie dort weiter. Wenn Sie das nicht waren oder jemand Ihnen diesen Link geschickt hat, "
        "antworten Sie nicht: Beginnen Sie in der Anwendung neu."
    ),
    "not_ready_title": "Melden Sie sich zuerst an",
    "not_ready_text": "Die Anwendung hat uns noch nicht gesagt, dass Ihr Passwort richtig war.",
    "not_ready_next": "Schließen Sie dort die Anmeldung ab. Diese Seite sieht von selbst wieder nach.",
    "no_way_title": "Dies lässt sich nicht bestätigen",
    "no_way_text": "Sie haben nichts eingerichtet, das für diese Aktion stark genug ist.",
    "no_way_next": (
        "Fügen Sie auf Ihrer Sicherheitsseite einen Passkey oder eine Authenticator-App hinzu, oder "
        "fragen Sie die Betreiber der Anwendung."
    ),
    "forged_title": "Diesem Formular ist nicht zu trauen",
    "forged_text": (
        "Es kam nicht von unserer eigenen Seite in diesem Browser, oder Cookies sind abgeschaltet. Es "
        "wurde nichts getan."
    ),
    "forged_next": "Öffnen Sie die Seite noch einmal aus der Anwendung, mit erlaubten Cookies.",
    "session_over_title": "Ihre Sicherheitsseite ist geschlossen",
    "session_over_text": (
        "Sie haben sie verlassen, sie war zu lange offen, oder sie wurde von anderswo beendet."
    ),
    "session_over_next": "Öffnen Sie sie noch einmal aus der Anwendung.",
    "not_allowed_title": "Das geht jetzt nicht",
    "not_allowed_text": "Es war nicht erlaubt, oder die Erlaubnis ist zu lange her.",
    "not_allowed_next": "Beginnen Sie noch einmal auf Ihrer Sicherheitsseite.",
    "refused_title": "Das wurde abgelehnt",
    "refused_text": (
        "Es erscheint gerade zu gewagt oder lässt sich nicht bestätigen. Es wurde nichts geändert."
    ),
    "refused_next": (
        "Versuchen Sie es später noch einmal. Wenn es eilt, fragen Sie die Betreiber der Anwendung."
    ),
    "missing_title": "Hier ist nichts",
    "missing_text": "Diese Adresse wurde schon benutzt, ist abgelaufen oder stimmte nie.",
    "missing_next": "Gehen Sie zurück zur Anwendung und beginnen Sie dort neu.",
    "busy_title": "Zu viel auf einmal",
    "busy_text": "Es ist nichts verloren, und es wurde nichts bestätigt.",
    "busy_next": "Warten Sie etwas und versuchen Sie es dann noch einmal.",
    "input_title": "Das ließ sich nicht lesen",
    "input_text": "Im Formular oder in der Adresse war etwas nicht so, wie es sein muss.",
    "input_next": "Gehen Sie zurück und versuchen Sie es noch einmal.",
    "wrong_title": "Da ist etwas schiefgegangen",
    "wrong_text": "Es lag an uns, und es wurde nichts bestätigt.",
    "wrong_next": "Versuchen Sie es in ein paar Minuten noch einmal.",
    "back_to_app": "Zurück zur Anwendung",
    "back_to_account": "Zurück zu Ihrer Sicherheitsseite",
    # -- the account page
    "account_title": "Ihre Sicherheit",
    "account_of": "Angemeldet als {actor}",
    "leave": "Fertig",
    "hold": (
        "Ein Wiederherstellungscode wurde benutzt. Bis {time} lassen sich Ihre Nachweise nicht ändern, "
        "damit ein gestohlener Code nicht genügt."
    ),
    "factors": "Womit Sie nachweisen, dass Sie es sind",
    "factors_none": (
        "Noch nichts. Fügen Sie einen Passkey hinzu: Das ist am sichersten und geht am schnellsten."
    ),
    "worth_hardware": (
        "Am stärksten: Sein Schlüssel kann das Gerät nicht verlassen und lässt sich nicht abfischen"
    ),
    "worth_webauthn": "Stark: lässt sich nicht abfischen",
    "worth_totp": (
        "Gut: ein zweiter Schritt nach dem Passwort. Geben Sie den Code nie auf einer Seite ein, zu der "
        "ein Link führte"
    ),
    "worth_push": "Gut: ein zweiter Schritt nach dem Passwort. Geben Sie nur frei, was Sie selbst tun",
    "worth_sms": "Mittel: ein zweiter Schritt nach dem Passwort. Telefonnummern lassen sich übernehmen",
    "worth_email": "Schwach: genügt nicht für heikle Aktionen",
    "worth_recovery": "Für den Notfall: lässt Sie hinein, genügt nicht für heikle Aktionen",
    "worth_provider": "So stark wie die Anmeldung Ihrer Organisation",
    "since": "Hinzugefügt {time}",
    "last_used": "zuletzt benutzt {time}",
    "never_used": "nie benutzt",
    "codes_left": "{count} Codes übrig",
    "synced": "auf Ihre anderen Geräte kopiert",
    "remove": "Entfernen",
    "remove_what": (
        "Damit können Sie dann nicht mehr nachweisen, dass Sie es sind. Zuerst wird Ihr stärkster "
        "Nachweis verlangt."
    ),
    "remove_do": "Wirklich entfernen",
    "add": "Hinzufügen",
    "add_webauthn": "Passkey hinzufügen",
    "add_totp": "Authenticator-App hinzufügen",
    "add_email": "E-Mail-Adresse hinzufügen",
    "add_sms": "Telefonnummer hinzufügen",
    "add_recovery": "Neue Wiederherstellungscodes",
    "sessions": "Wo Sie angemeldet sind",
    "sessions_none": "Nirgends außer hier.",
    "session_current": "Diese Seite",
    "agent_unknown": "Unbekannter Browser",
    "last_seen": "zuletzt gesehen {time}",
    "last_unknown": "länger nicht gesehen",
    "end_session": "Beenden",
    "end_sessions": "Alle anderen Sitzungen beenden",
    "devices": "Gemerkte Geräte",
    "devices_hint": (
        "Auf diesen werden Sie seltener gefragt. Ist eines verloren oder verkauft, vergessen Sie es hier."
    ),
    "devices_none": "Keine.",
    "device": "Gerät {number}",
    "until": "bis {time}",
    "forget": "Vergessen",
    "forget_all": "Alle vergessen",
    "activity": "Letzte Vorgänge",
    "activity_hint": "Was in Ihrem Namen getan oder versucht wurde. Ist etwas dabei, das Sie nicht kennen?",
    "activity_none": "Noch nichts.",
    "activity_not_me": (
        "Die Sitzung wird beendet, es wird festgehalten, dass Sie es nicht waren, und neue Versuche "
        "werden strenger geprüft."
    ),
    "action_login": "Anmeldung",
    "action_logout": "Abmeldung",
    "action_transfer": "Überweisung",
    "action_payment": "Zahlung",
    "action_mail.change": "Änderung der E-Mail-Adresse",
    "action_phone.change": "Änderung der Telefonnummer",
    "action_password.change": "Änderung des Passworts",
    "action_account.enter": "Diese Sicherheitsseite betreten",
    "action_security.open": "Diese Sicherheitsseite geöffnet",
    "action_security.sessions": "Eine Sitzung beendet",
    "action_security.devices": "Ein Gerät vergessen",
    "action_factor.enroll": "Einen Nachweis hinzugefügt",
    "action_factor.remove": "Einen Nachweis entfernt",
    "result_ok": "erledigt",
    "result_allowed": "erlaubt",
    "result_failed": "fehlgeschlagen",
    "result_asked": "Bestätigung verlangt",
    "result_denied": "abgelehnt",
    "note_added": "Hinzugefügt.",
    "note_removed": "Entfernt.",
    "note_ended": "Beendet.",
    "note_forgotten": "Vergessen.",
    "note_labelled": (
        "Danke. Es ist festgehalten, und die Sitzung ist beendet. Ändern Sie Ihr Passwort, wenn jemand es"
        " kennen könnte."
    ),
    "note_kept": "Ihre neuen Wiederherstellungscodes gelten; die früheren nicht mehr.",
    "note_shown": (
        "Wiederherstellungscodes werden nur einmal gezeigt. Haben Sie sie nicht aufbewahrt, lassen Sie "
        "neue machen."
    ),
    # -- adding something
    "give_up": "Nicht hinzufügen",
    "name": "Name (freiwillig)",
    "name_hint": "Damit Sie es wiedererkennen, etwa „Diensthandy“.",
    "totp_scan": "Scannen Sie dieses Bild mit Ihrer Authenticator-App.",
    "totp_qr": "QR-Code für eine Authenticator-App. Der Schlüssel zum Abtippen steht darunter.",
    "totp_typed": "Scannen geht nicht? Diesen Schlüssel eingeben",
    "totp_kind": "Zeitbasiert, 6 Ziffern, 30 Sekunden.",
    "totp_code": "Geben Sie dann den Code ein, den die App zeigt",
    "totp_do": "App hinzufügen",
    "note_totp": (
        "Das ist nicht der Code, den die App jetzt zeigt. Versuchen Sie den nächsten; geht auch der "
        "nicht, beginnen Sie neu."
    ),
    "passkey_what": (
        "Einen Passkey bewahrt Ihr Gerät, Ihr Passwortmanager oder ein Sicherheitsschlüssel auf. Sie "
        "verwenden ihn mit Fingerabdruck, Gesicht oder Bildschirmsperre, und er gilt auf keiner Seite als"
        " der echten."
    ),
    "passkey_make": "Passkey erstellen",
    "passkey_none_new": (
        "Dieses Gerät kann keinen Passkey der nötigen Art aufbewahren. Versuchen Sie ein anderes oder "
        "einen Sicherheitsschlüssel."
    ),
    "passkey_known": "Auf diesem Gerät ist schon ein Passkey von Ihnen.",
    "note_passkey": (
        "Dieser Passkey ließ sich nicht hinzufügen. Versuchen Sie es noch einmal oder mit einem anderen "
        "Gerät."
    ),
    "address_what_email": (
        "An diese Adresse können Codes gesendet werden. Das ist besser als nichts und genügt nicht für "
        "heikle Aktionen."
    ),
    "address_what_sms": (
        "An diese Nummer können Codes gesendet werden. Ein Passkey ist sicherer: Nummern lassen sich "
        "übernehmen."
    ),
    "address_email": "E-Mail-Adresse",
    "address_sms": "Telefonnummer",
    "address_hint_email": "Wir senden einen Code dorthin, um zu sehen, dass es Ihre ist.",
    "address_hint_sms": (
        "Mit Ländervorwahl, etwa +49 1512 3456789. Wir senden einen Code dorthin, um zu sehen, dass es "
        "Ihre ist."
    ),
    "address_do": "Code senden",
    "address_sent": "Ein Code wurde an {address} gesendet.",
    "address_again": "Noch einmal senden",
    "address_other": "Andere Adresse verwenden",
    "note_address": "An diese Adresse lässt sich nichts senden. Prüfen Sie sie.",
    "note_address_code": (
        "Das ist nicht der Code, der gesendet wurde. Prüfen Sie ihn, oder lassen Sie einen neuen senden."
    ),
    "recovery_title": "Ihre Wiederherstellungscodes",
    "recovery_text": (
        "Wenn Sie alles andere verlieren, lässt einer davon Sie hinein. Jeder gilt einmal. Sie werden "
        "jetzt gezeigt und nie wieder: Drucken oder speichern Sie sie und bewahren Sie sie dort auf, wo "
        "niemand sonst hinsieht."
    ),
    "recovery_of": "Wiederherstellungscodes für {issuer}",
    "recovery_file": "wiederherstellungscodes.txt",
    "recovery_save": "Als Textdatei speichern",
    "recovery_print": "Drucken",
    "recovery_kept": "Ich habe sie aufbewahrt",
    "recovery_done": "Fertig",
}
