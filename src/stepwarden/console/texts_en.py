"""All that our pages say, in English. What stands in braces is put in by the template that asks for the text."""

from typing import Final

TEXTS: Final[dict[str, str]] = {
    "language": "Language",
    "fault_title": "Error",
    # -- a challenge
    "confirm_title": "Confirm that it’s you",
    "asked_of": "Asked of {actor}",
    "details": "All details ({count})",
    "why": "Why am I asked?",
    "how": "Your confirmation",
    "or": "or",
    "others": "Other ways to confirm",
    "confirm": "Confirm",
    "remember": "Remember this device",
    "reason_action": "This action always needs a fresh proof that it’s you.",
    "own_security.open": "Open your security page",
    "own_security.sessions": "End a session, or several",
    "own_security.devices": "Forget a remembered device, or several",
    "own_factor.enroll": "Add a way to prove that it’s you",
    "own_factor.remove": "Remove a way to prove that it’s you",
    "kind_webauthn": "Passkey",
    "kind_totp": "Authenticator app",
    "kind_email": "Code by mail",
    "kind_sms": "Code by text message",
    "kind_push": "Approval on your phone",
    "kind_recovery": "Recovery code",
    "kind_provider": "Organisation account",
    "code_totp": "Code from your authenticator app",
    "code_email": "Code from the mail",
    "code_sms": "Code from the text message",
    "code_recovery": "Recovery code",
    "hint_totp": "6 digits, new every 30 seconds.",
    "hint_email": "It may take a minute. Look into the spam folder, too.",
    "hint_sms": "It may take a minute.",
    "hint_recovery": (
        "One of the codes that you printed or saved. Each works once. It proves less than your other "
        "ways: after it, they can’t be changed for a while."
    ),
    "send_email": "Send a code to {hint}",
    "send_sms": "Send a code to {hint}",
    "send_again": "Send again to {hint}",
    "send_after": "Send again in {seconds} s",
    "push_send": "Send a request to your phone",
    "push_again": "Send the request again",
    "push_wait": "Go on waiting",
    "push_title": "Approve on your phone",
    "push_how": "Look at your phone",
    "push_number": "Open the request there and choose this number:",
    "push_open": "Open the request there, and approve it if it says the same as here.",
    "push_waiting": "Waiting for your answer",
    "push_lost": "No connection. Trying again.",
    "push_no_script": "This page looks again every few seconds.",
    "push_other": "Confirm in another way",
    "provider_use": "Continue with {provider}",
    "provider_unnamed": "your organisation account",
    "passkey_use": "Use your passkey",
    "passkey_hint": "Your fingerprint, face, screen lock or security key.",
    "passkey_unsupported": "This browser can’t use passkeys.",
    "passkey_no_script": "A passkey needs JavaScript, which is off in this browser.",
    "passkey_no_script_new": "Adding a passkey needs JavaScript, which is off in this browser.",
    "passkey_cancelled": "The passkey was not used: cancelled, or it took too long. You can try again.",
    "passkey_none": "There is no passkey of yours on this device. Try another way to confirm.",
    "passkey_failed": "The passkey did not work. Try again, or try another way to confirm.",
    "passkey_busy": "Waiting for your device",
    "locked_until": "{what}: locked after too many wrong answers, until {time}. Use another way, or wait.",
    "valid_until": "Valid until {time}",
    "left": "({minutes}:{seconds} left)",
    "soon": "{seconds} seconds left",
    "over_title": "The time is over",
    "over_text": "Nothing was confirmed. If you still want to do this, begin again.",
    "start_again": "Start again",
    "cancel": "Cancel and go back",
    "not_me": "This wasn’t me",
    "not_me_what": (
        "Then nothing is approved: this request ends now, it is recorded that it was not you, and new "
        "requests for your account are looked at more strictly. Somebody may know your password; change "
        "it."
    ),
    "not_me_do": "It wasn’t me",
    "note_not_accepted": "That was not accepted. Check it and try again, or use another way.",
    "note_locked": "There were too many wrong answers. Use another way, or wait until it is unlocked.",
    "note_busy": "Too much at once. Wait a little and try again.",
    "note_not_sent": "It could not be sent. Try again, or use another way.",
    "note_not_witnessed": (
        "It could not be recorded safely, so nothing was confirmed. Try again with a new code."
    ),
    "note_provider": "That did not confirm that it’s you. Try again, or use another way.",
    "note_sent": "Sent. If nothing arrives, you can send it again in half a minute.",
    # -- after it
    "done_title": "Confirmed",
    "done_closing": "This window closes by itself.",
    "go_on": "Continue",
    "forward_title": "One moment",
    "forward_text": "You are being taken to {provider}. There, prove that it’s you; then you come back here.",
    "finished_title": "You have confirmed this already",
    "finished_text": "It can be confirmed only once, so there is nothing left to do here.",
    "finished_next": "Continue in the application.",
    "finished_lost_title": "Confirmed",
    "finished_lost_text": (
        "The address of this page did not say where you came from, so the application can’t be told."
    ),
    "finished_lost_next": "Go back to the application and begin again there.",
    "denied_title": "Thank you for telling us",
    "denied_text": "Nothing was approved. The request is closed, and it is recorded that it was not you.",
    "denied_next": "Change your password now, and look through the recent activity on your security page.",
    "closed_title": "This request is closed",
    "closed_text": "It was answered already, refused, or its time is over.",
    "closed_next": "If you still want to do this, begin again in the application.",
    "elsewhere_title": "This was opened in another browser",
    "elsewhere_text": (
        "A request can be answered only in the browser that opened it first, on the same device."
    ),
    "elsewhere_next": (
        "Go on there. If that was not you, or somebody sent you this link, don’t answer it: begin again "
        "in the application."
    ),
    "not_ready_title": "Sign in first",
    "not_ready_text": "The application has not yet told us that your password was right.",
    "not_ready_next": "Finish signing in there. This page looks again by itself.",
    "no_way_title": "There is no way to confirm this",
    "no_way_text": "You have nothing set up that is strong enough for this action.",
    "no_way_next": (
        "Add a passkey or an authenticator app on your security page, or ask those who run the application."
    ),
    "forged_title": "This form can’t be trusted",
    "forged_text": (
        "It did not come from our own page in this browser, or cookies are switched off. Nothing was done."
    ),
    "forged_next": "Open the page again from the application, with cookies allowed.",
    "session_over_title": "Your security page is closed",
    "session_over_text": "You left it, it was open for too long, or it was ended from elsewhere.",
    "session_over_next": "Open it again from the application.",
    "not_allowed_title": "This is not possible now",
    "not_allowed_text": "It was not allowed, or too long ago.",
    "not_allowed_next": "Begin again from your security page.",
    "refused_title": "This was refused",
    "refused_text": "It looks too risky right now, or cannot be confirmed. Nothing was changed.",
    "refused_next": "Try again later. If you need it now, ask those who run the application.",
    "missing_title": "Nothing here",
    "missing_text": "This address was used already, is over, or was never right.",
    "missing_next": "Go back to the application and begin again there.",
    "busy_title": "Too much at once",
    "busy_text": "Nothing was lost, and nothing was confirmed.",
    "busy_next": "Wait a little, then try again.",
    "input_title": "That could not be read",
    "input_text": "Something in the form or the address was not as it has to be.",
    "input_next": "Go back and try again.",
    "wrong_title": "Something went wrong",
    "wrong_text": "It was our fault, and nothing was confirmed.",
    "wrong_next": "Try again in a few minutes.",
    "back_to_app": "Back to the application",
    "back_to_account": "Back to your security page",
    # -- the account page
    "account_title": "Your security",
    "account_of": "Signed in as {actor}",
    "leave": "Done",
    "hold": (
        "A recovery code was used. Until {time} your ways to sign in can’t be changed, so that a stolen "
        "code is not enough."
    ),
    "factors": "Ways to prove that it’s you",
    "factors_none": "None yet. Add a passkey: it is the safest way, and the quickest.",
    "worth_hardware": "Strongest: its key can’t leave the device, and it can’t be phished",
    "worth_webauthn": "Strong: can’t be phished",
    "worth_totp": (
        "Good: a second step after your password. Never type its code on a page that a link led you to"
    ),
    "worth_push": "Good: a second step after your password. Approve only what you do yourself",
    "worth_sms": "Fair: a second step after your password. A telephone number can be taken over",
    "worth_email": "Weak: not enough for sensitive actions",
    "worth_recovery": "For emergencies: gets you in, not enough for sensitive actions",
    "worth_provider": "As strong as your organisation’s sign-in",
    "since": "Added {time}",
    "last_used": "last used {time}",
    "never_used": "never used",
    "codes_left": "{count} codes left",
    "synced": "copied to your other devices",
    "remove": "Remove",
    "remove_what": (
        "You then can’t prove that it’s you in this way any more. You are asked for your strongest way first."
    ),
    "remove_do": "Remove it",
    "add": "Add a way",
    "add_webauthn": "Add a passkey",
    "add_totp": "Add an authenticator app",
    "add_email": "Add a mail address",
    "add_sms": "Add a telephone number",
    "add_recovery": "Make new recovery codes",
    "sessions": "Where you are signed in",
    "sessions_none": "Nowhere but here.",
    "session_current": "This page",
    "agent_unknown": "Unknown browser",
    "last_seen": "last seen {time}",
    "last_unknown": "not seen lately",
    "end_session": "End",
    "end_sessions": "End all other sessions",
    "devices": "Remembered devices",
    "devices_hint": "On these you are asked less often. If one is lost or sold, forget it here.",
    "devices_none": "None.",
    "device": "Device {number}",
    "until": "until {time}",
    "forget": "Forget",
    "forget_all": "Forget all",
    "activity": "Recent activity",
    "activity_hint": "What was done, or tried, in your name. Is there something that you don’t know?",
    "activity_none": "Nothing yet.",
    "activity_not_me": (
        "Its session is ended, it is recorded that it was not you, and new attempts are looked at more "
        "strictly."
    ),
    "result_ok": "done",
    "result_allowed": "allowed",
    "result_failed": "failed",
    "result_asked": "confirmation asked",
    "result_denied": "refused",
    "note_added": "Added.",
    "note_removed": "Removed.",
    "note_ended": "Ended.",
    "note_forgotten": "Forgotten.",
    "note_labelled": (
        "Thank you. It is recorded, and that session is ended. Change your password if somebody may know it."
    ),
    "note_kept": "Your new recovery codes are valid; those before are not any more.",
    "note_shown": "Recovery codes are shown once only. If you did not keep them, make new ones.",
    # -- adding something
    "give_up": "Don’t add it",
    "name": "Name (optional)",
    "name_hint": "So that you know it again, such as “Work phone”.",
    "totp_scan": "Scan this picture with your authenticator app.",
    "totp_qr": "QR code for an authenticator app. The key for typing stands below.",
    "totp_typed": "Can’t scan? Type this key",
    "totp_kind": "Time based, 6 digits, 30 seconds.",
    "totp_code": "Then type the code that the app shows",
    "totp_do": "Add the app",
    "note_totp": (
        "That is not the code that the app shows now. Try the next one; if that fails too, begin again."
    ),
    "passkey_what": (
        "A passkey is kept by your device, your password manager or a security key. You use it with your "
        "fingerprint, face or screen lock, and it works on no page but the real one."
    ),
    "passkey_make": "Make a passkey",
    "passkey_none_new": (
        "This device can’t keep a passkey of the kind that is needed. Try another one, or a security key."
    ),
    "passkey_known": "This device has a passkey of yours already.",
    "note_passkey": "This passkey could not be added. Try again, or with another device.",
    "address_what_email": (
        "Codes can be sent to this address. That is better than nothing, and not enough for sensitive "
        "actions."
    ),
    "address_what_sms": "Codes can be sent to this number. A passkey is safer: numbers can be taken over.",
    "address_email": "Mail address",
    "address_sms": "Telephone number",
    "address_hint_email": "We send a code there, to see that it’s yours.",
    "address_hint_sms": (
        "With country code, such as +44 7700 900123. We send a code there, to see that it’s yours."
    ),
    "address_do": "Send a code",
    "address_sent": "A code was sent to {address}.",
    "address_again": "Send it again",
    "address_other": "Use another address",
    "note_address": "Nothing can be sent to this address. Check it.",
    "note_address_code": "That is not the code that was sent. Check it, or have a new one sent.",
    "recovery_title": "Your recovery codes",
    "recovery_text": (
        "If you lose everything else, one of these lets you in. Each works once. They are shown now and "
        "never again: print them or save them, and keep them where nobody else looks."
    ),
    "recovery_of": "Recovery codes for {issuer}",
    "recovery_file": "recovery-codes.txt",
    "recovery_save": "Save as a text file",
    "recovery_print": "Print",
    "recovery_kept": "I have kept them",
    "recovery_done": "Done",
}
