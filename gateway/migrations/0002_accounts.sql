-- A link by which somebody sets his password. One for each account: a newer one takes the place of the older.
create table invitation (
    account_id uuid        primary key references account on delete cascade,
    -- SHA-256 of what the link holds. Whoever reads this table can use no link.
    token_hash bytea       not null unique,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

-- How often a wrong password was told for a login from an address, and when the next one is judged. The key is an HMAC of both.
create table sign_in_delay (
    key       bytea       primary key,
    failures  integer     not null,
    next_at   timestamptz not null,
    failed_at timestamptz not null
);
create index sign_in_delay_failed_at on sign_in_delay (failed_at);

-- What staff did: which write, to what, and which fields it named. Never a value. Written before the write is let through.
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

-- How it was answered. A write without one was broken off before its answer, and may have been carried out.
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
