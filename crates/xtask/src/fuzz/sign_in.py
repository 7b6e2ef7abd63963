"""How `cargo xtask fuzz` signs in: as people do. Reads who from stdin, and says by which sessions they are signed in, and what not to close.

Everybody signs in before the first call is made up: a guess at a password or a code makes whoever comes after it wait.
"""

import json
import re
import sys
import time
import urllib.parse
import urllib.request

BASE, INBOX = sys.argv[1:3]


def ask(url, body=None, session=None):
    headers = {"Content-Type": "application/json", "Ktgg-Csrf": "1"}
    if session:
        headers["Cookie"] = "ktgg=" + session
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return json.load(answer), answer.headers.get_all("Set-Cookie") or []


def session(answer):
    for cookie in answer[1]:
        found = re.match("ktgg=([^;]+)", cookie)
        if found:
            return found.group(1)
    raise SystemExit("signed in without a cookie")


def by_password(login, password):
    return session(ask(BASE + "/api/auth/sign-in", {"login": login, "password": password}))


def messages(phone):
    return ask(INBOX + "/messages?to=" + urllib.parse.quote(phone))[0]["items"]


def by_phone(phone):
    before = {message["id"] for message in messages(phone)}
    consent = ask(BASE + "/api/auth/consent")[0]["version"]
    challenge = ask(BASE + "/api/auth/otp", {"phone": phone, "consentVersion": consent})[0]["challenge"]
    for _ in range(600):
        codes = [re.search("(?<![0-9])[0-9]{6}(?![0-9])", it["text"]) for it in messages(phone) if it["id"] not in before]
        if codes and codes[0]:
            return session(ask(BASE + "/api/auth/otp/verify", {"challenge": challenge, "code": codes[0].group()}))
        time.sleep(0.05)
    raise SystemExit("no code has arrived in the inbox")


people = json.load(sys.stdin)
sessions = {role: by_password(*words) if len(words) == 2 else by_phone(*words) for role, words in people.items()}
# Whoever is closed, as an account or as a person, is signed out.
accounts = ask(BASE + "/api/accounts?limit=100", session=sessions["staff"])[0]["items"]
logins = {words[0] for words in people.values()}
keep = [it[name] for it in accounts if it["login"] in logins for name in ("id", "personId") if it[name]]
json.dump({"sessions": sessions, "keep": keep}, sys.stdout)
