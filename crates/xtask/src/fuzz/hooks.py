"""What `cargo xtask fuzz` teaches schemathesis: who is asking, and which ids are real.

A made-up id leads to a 404 and no further. So every id that an answer showed is remembered under the path it came from, and about half of
the calls get one of these instead. Which ones depends on the call alone, so that the same call is made again the same way.
"""

import atexit
import json
import os
import urllib.error
import urllib.request
import zlib

import schemathesis

BASE = os.environ["FUZZ_BASE"]
ROLE = os.environ["FUZZ_ROLE"]
# Cookies: of whoever asks (none for nobody), and of staff, who see everything.
COOKIE = os.environ["FUZZ_COOKIE"]
STAFF = os.environ["FUZZ_STAFF"]
# Accounts and people of whoever asks, as whichever role: a change could close them, and whoever is closed is signed out.
KEEP = set(json.loads(os.environ["FUZZ_KEEP"]))
# Where to leave how many calls there were.
TALLY = os.environ["FUZZ_TALLY"]

# Whose ids a field, a parameter or a header of that name holds.
OWNERS = {
    "project": "/api/projects",
    "predecessor": "/api/projects",
    "interest": "/api/interests",
    "consultation": "/api/consultations",
    "origin": "/api/consultations",
    "match": "/api/salesman-matches",
    "account": "/api/accounts",
    "salesman": "/api/salesmen",
    "consultant": "/api/salesmen",
}

# A stream has no end.
NOT_CALLED = ["/api/stream"]

# What changes the thing that its path names.
CHANGES = {"PUT", "PATCH", "DELETE"}

# An id that nothing has.
NOBODY = "00000000-0000-7000-8000-000000000000"

# Ids by the path that shows them.
pool = {}
tally = {"calls": 0, "statuses": {}}


def remember(path, body):
    """Ids of what an answer shows, under the path at which more is said of each."""
    items = body.get("items", [body]) if isinstance(body, dict) else []
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            known = pool.setdefault(path, [])
            if item["id"] not in known and len(known) < 200:
                known.append(item["id"])


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Of what this role may not do only the refusal is of interest, and that comes before anything else is read."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            actors = operation.get("x-actors", [])
            if ROLE not in actors and "anyone" not in actors:
                operation.pop("requestBody", None)
                parameters = operation.get("parameters", [])
                operation["parameters"] = [each for each in parameters if each["in"] == "path"]


@schemathesis.hook
def after_load_schema(context, schema):
    """Looks at every list before the first call, as staff and as whoever asks."""
    lists = [path for path, item in schema.raw_schema["paths"].items() if "get" in item and "{" not in path]
    for cookie in [STAFF, COOKIE]:
        headers = {"Cookie": cookie} if cookie else {}
        for path in lists:
            if path in NOT_CALLED:
                continue
            request = urllib.request.Request(BASE + path, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    remember(path, json.load(answer))
            except (urllib.error.HTTPError, ValueError):
                pass


def owner(name):
    name = name.removesuffix("Ids").removesuffix("Id").removesuffix("_id")
    return OWNERS.get(name)


def pick(path, number):
    known = pool.get(path, [])
    return known[number % len(known)] if known else None


def known_ids():
    return {each for ids in pool.values() for each in ids}


@schemathesis.hook
def before_call(context, case, kwargs):
    seen = repr((case.method, case.path, case.path_parameters, case.query, case.body, case.headers))
    number = zlib.crc32(seen.encode("utf-8", "replace"))
    if number & 1 and isinstance(case.path_parameters, dict):
        for name, value in case.path_parameters.items():
            # What stands before the parameter is where such ids come from.
            path = case.path.split("/{" + name + "}")[0]
            real = pick(path, number >> 8)
            # A link of a sequence of calls has chosen already.
            if real and value not in known_ids():
                case.path_parameters[name] = real
    if case.method.upper() in CHANGES and isinstance(case.path_parameters, dict):
        for name, value in case.path_parameters.items():
            if value in KEEP:
                case.path_parameters[name] = NOBODY
    if number & 2:
        for place in (case.query, case.body):
            if isinstance(place, dict):
                for name, value in place.items():
                    real = pick(owner(name), number >> 8) if owner(name) else None
                    if real and isinstance(value, str):
                        place[name] = real
    if case.headers is not None:
        # Any version: otherwise nothing would ever be changed.
        if "If-Match" in case.headers and number & 12:
            case.headers["If-Match"] = "*"
        # It waits for two seconds for an event that nobody has published.
        if "Ktgg-After" in case.headers and number & 0xFF:
            del case.headers["Ktgg-After"]


@schemathesis.hook
def after_call(context, case, response):
    tally["calls"] += 1
    status = str(response.status_code)
    tally["statuses"][status] = tally["statuses"].get(status, 0) + 1
    if response.status_code < 300:
        try:
            remember(case.path, response.json())
        except ValueError:
            pass


@atexit.register
def leave_tally():
    with open(TALLY, "w", encoding="utf-8") as file:
        json.dump(tally, file)
