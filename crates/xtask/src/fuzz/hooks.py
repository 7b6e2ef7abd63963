"""Hooks of `cargo xtask fuzz`: they replace generated ids by real ones.

A generated id leads to a 404. So the ids in answers are stored by path, and about half of the
requests get one of them. The choice depends only on the request, so that it can be repeated.
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
# Cookies: of the caller (empty for anonymous), and of staff, who see everything.
COOKIE = os.environ["FUZZ_COOKIE"]
STAFF = os.environ["FUZZ_STAFF"]
# Accounts and people of all roles: a request could close them, which ends their sessions.
KEEP = set(json.loads(os.environ["FUZZ_KEEP"]))
# The file for the number of requests.
RESULT = os.environ["FUZZ_RESULT"]

# The list that contains the ids of a field, parameter or header of this name.
LISTS = {
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

# A stream does not end.
NOT_CALLED = ["/api/stream"]

# Methods that change the resource of the path.
CHANGES = {"PUT", "PATCH", "DELETE"}

# An id that does not exist.
UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"

# Ids by the path of their list.
pool = {}
result = {"requests": 0, "statuses": {}}


def remember(path, body):
    """Stores the ids of an answer under the path of their list."""
    items = body.get("items", [body]) if isinstance(body, dict) else []
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            known = pool.setdefault(path, [])
            if item["id"] not in known and len(known) < 200:
                known.append(item["id"])


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Removes bodies and parameters that are not read, since the role may not call the operation."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            actors = operation.get("x-actors", [])
            if ROLE not in actors and "anyone" not in actors:
                operation.pop("requestBody", None)
                operation["parameters"] = [
                    parameter
                    for parameter in operation.get("parameters", [])
                    if parameter["in"] == "path"
                ]


@schemathesis.hook
def after_load_schema(context, schema):
    """Reads every list before the first generated request, as staff and as the caller."""
    paths = schema.raw_schema["paths"]
    lists = [path for path, item in paths.items() if "get" in item and "{" not in path]
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


def list_of(name):
    name = name.removesuffix("Ids").removesuffix("Id").removesuffix("_id")
    return LISTS.get(name)


def pick(path, number):
    known = pool.get(path, [])
    return known[number % len(known)] if known else None


def known_ids():
    return {known_id for ids in pool.values() for known_id in ids}


@schemathesis.hook
def before_call(context, case, kwargs):
    parts = (case.method, case.path, case.path_parameters, case.query, case.body, case.headers)
    number = zlib.crc32(repr(parts).encode("utf-8", "replace"))
    if number & 1 and isinstance(case.path_parameters, dict):
        for name, value in case.path_parameters.items():
            # The path before the parameter is the list of such ids.
            path = case.path.split("/{" + name + "}")[0]
            real = pick(path, number >> 8)
            # A link between operations may have set a real id.
            if real and value not in known_ids():
                case.path_parameters[name] = real
    if case.method.upper() in CHANGES and isinstance(case.path_parameters, dict):
        for name, value in case.path_parameters.items():
            if value in KEEP:
                case.path_parameters[name] = UNKNOWN_ID
    if number & 2:
        for fields in (case.query, case.body):
            if isinstance(fields, dict):
                for name, value in fields.items():
                    real = pick(list_of(name), number >> 8) if list_of(name) else None
                    if real and isinstance(value, str):
                        fields[name] = real
    if case.headers is not None:
        # Any version: a generated one never matches.
        if "If-Match" in case.headers and number & 12:
            case.headers["If-Match"] = "*"
        # A generated event does not exist, so the request would wait for two seconds.
        if "Ktgg-After" in case.headers and number & 0xFF:
            del case.headers["Ktgg-After"]


@schemathesis.hook
def after_call(context, case, response):
    result["requests"] += 1
    status = str(response.status_code)
    result["statuses"][status] = result["statuses"].get(status, 0) + 1
    if response.status_code < 300:
        try:
            remember(case.path, response.json())
        except ValueError:
            pass


@atexit.register
def write_result():
    with open(RESULT, "w", encoding="utf-8") as file:
        json.dump(result, file)
