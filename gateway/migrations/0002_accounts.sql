-- Links to set a password. At most one for each account: a newer link replaces an older one.
create table invitation (
    account_id uuid        primary key references account on delete cascade,
    -- SHA-256 of the link's token: with this table alone no link can be used.
    token_hash bytea       not null unique,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

-- The backoff after wrong passwords. The key is an HMAC of login and address.
create table sign_in_delay (
    key       bytea       primary key,
    failures  integer     not null,
    next_at   timestamptz not null,
    failed_at timestamptz not null
);
create index sign_in_delay_failed_at on sign_in_delay (failed_at);

-- The audit log: writes of staff, with path and field names but without values. An entry is written
-- before its request is handled.
create table audit (
    id     uuid        primary key,
    at     timestamptz not null,
    role   text        not null,
    actor  uuid        not null,
    method text        not null,
    path   text        not null,
    fields text[]      not null
);
create index audit_of_actor on audit (actor, id desc);

-- How a request was answered. One without an outcome was interrupted, and may have been carried
-- out.
create table audit_outcome (
    audit_id uuid        primary key references audit,
    status   smallint    not null,
    at       timestamptz not null
);

create function audit_is_immutable() returns trigger language plpgsql as $$
begin
    raise exception '% is immutable', tg_table_name;
end
$$;

create trigger audit_is_immutable
    before update or delete or truncate on audit
    for each statement execute function audit_is_immutable();

create trigger audit_outcome_is_immutable
    before update or delete or truncate on audit_outcome
    for each statement execute function audit_is_immutable();
