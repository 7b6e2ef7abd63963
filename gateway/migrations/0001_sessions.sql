-- Salesmen and consultants: a projection of the salesman topic for sign-in.
create table person (
    id           uuid    primary key,
    display_name text    not null,
    role         text    not null check (role in ('salesman', 'consultant')),
    active       boolean not null,
    -- The version at the salesman service. An older one never replaces a newer one.
    version      bigint  not null
);

-- Accounts with login and password.
create table account (
    id            uuid        primary key,
    login         text        not null unique check (login = lower(login)),
    role          text        not null check (role in ('staff', 'salesman', 'consultant')),
    -- The id at the salesman service. Staff have none: their id is that of the account.
    person_id     uuid        unique,
    name          text        not null,
    -- Null until a password is set.
    password_hash text,
    active        boolean     not null default true,
    version       bigint      not null default 1,
    created_at    timestamptz not null,
    -- Null for the command line.
    created_by    uuid,
    signed_in_at  timestamptz,
    check ((role = 'staff') = (person_id is null))
);

-- Sessions.
create table session (
    -- SHA-256 of the cookie's value: with this table alone no session can be used.
    id_hash    bytea       primary key,
    role       text        not null check (role in ('customer', 'staff', 'salesman', 'consultant')),
    subject    uuid        not null,
    -- Null for customers.
    account_id uuid        references account on delete cascade,
    -- The customer's phone number.
    phone      text,
    created_at timestamptz not null,
    -- To the minute.
    used_at    timestamptz not null,
    expires_at timestamptz not null
);
create index session_of on session (role, subject);
create index session_of_account on session (account_id);
create index session_expires_at on session (expires_at);

-- Rate limits that all gateways share. The key is an HMAC of the limit and a phone number, login or
-- address.
create table rate_limit (
    key     bytea       primary key,
    -- When the whole burst is available again.
    free_at timestamptz not null
);
create index rate_limit_free_at on rate_limit (free_at);
