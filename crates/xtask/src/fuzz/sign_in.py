"""Signs in for `cargo xtask fuzz`, with the same requests as a browser.

Reads credentials by role from stdin. Prints the sessions, and the ids that must not be closed. All
roles sign in before the first generated request: a wrong password or code delays the next attempts.
"""

import json
import re
import sys
import time
import urllib.parse
import urllib.request

BASE, INBOX = sys.argv[1:3]


def request(url, body=None, session=None):
    headers = {"Content-Type": "application/json", "Ktgg-Csrf": "1"}
    if session:
        headers["Cookie"] = "ktgg=" + session
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return json.load(answer), answer.headers.get_all("Set-Cookie") or []


def session_of(answer):
    for cookie in answer[1]:
        match = re.match("ktgg=([^;]+)", cookie)
        if match:
            return match.group(1)
    raise SystemExit("signing in set no cookie")


def sign_in_by_password(login, password):
    return session_of(request(BASE + "/api/auth/sign-in", {"login": login, "password": password}))


def messages(phone):
    return request(INBOX + "/messages?to=" + urllib.parse.quote(phone))[0]["items"]


def sign_in_by_phone(phone):
    old = {message["id"] for message in messages(phone)}
    consent = request(BASE + "/api/auth/consent")[0]["version"]
    body = {"phone": phone, "consentVersion": consent}
    challenge = request(BASE + "/api/auth/otp", body)[0]["challenge"]
    for _ in range(600):
        texts = [message["text"] for message in messages(phone) if message["id"] not in old]
        codes = [re.search("(?<![0-9])[0-9]{6}(?![0-9])", text) for text in texts]
        if codes and codes[0]:
            body = {"challenge": challenge, "code": codes[0].group()}
            return session_of(request(BASE + "/api/auth/otp/verify", body))
        time.sleep(0.05)
    raise SystemExit("no code arrived in the inbox")


credentials = json.load(sys.stdin)
sessions = {
    role: sign_in_by_password(*words) if len(words) == 2 else sign_in_by_phone(*words)
    for role, words in credentials.items()
}
# Closing an account or a person ends its sessions.
accounts = request(BASE + "/api/accounts?limit=100", session=sessions["staff"])[0]["items"]
logins = {words[0] for words in credentials.values()}
keep = [
    account[field]
    for account in accounts
    if account["login"] in logins
    for field in ("id", "personId")
    if account[field]
]
json.dump({"sessions": sessions, "keep": keep}, sys.stdout)
