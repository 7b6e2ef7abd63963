-- Somebody of the salesman service, as far as signing in needs it; told by the salesman topic.
create table person (
    id           uuid    primary key,
    display_name text    not null,
    role         text    not null check (role in ('salesman', 'consultant')),
    active       boolean not null,
    -- His version at the salesman service: what is older is not written over it.
    version      bigint  not null
);

-- Somebody who signs in by login and password.
create table account (
    id            uuid        primary key,
    login         text        not null unique check (login = lower(login)),
    role          text        not null check (role in ('staff', 'salesman', 'consultant')),
    -- Who he is at the salesman service. A member of staff is nobody there: his id is that of the account.
    person_id     uuid        unique,
    name          text        not null,
    -- Nothing until he has set one.
    password_hash text,
    active        boolean     not null default true,
    version       bigint      not null default 1,
    created_at    timestamptz not null,
    -- Nobody, on the command line.
    created_by    uuid,
    signed_in_at  timestamptz,
    check ((role = 'staff') = (person_id is null))
);

-- Somebody who is signed in.
create table session (
    -- SHA-256 of what the cookie holds. Whoever reads this table can be nobody.
    id_hash    bytea       primary key,
    role       text        not null check (role in ('customer', 'staff', 'salesman', 'consultant')),
    subject    uuid        not null,
    -- By which account; a customer has none.
    account_id uuid        references account on delete cascade,
    -- The customer's number.
    phone      text,
    created_at timestamptz not null,
    -- To the minute.
    used_at    timestamptz not null,
    expires_at timestamptz not null
);
create index session_of on session (role, subject);
create index session_of_account on session (account_id);
create index session_expires_at on session (expires_at);

-- How much of a limit is used up, where every gateway must agree. The key is an HMAC: of a number, a login or an address.
create table rate_limit (
    key     bytea       primary key,
    -- From then on nothing of it is used up.
    free_at timestamptz not null
);
create index rate_limit_free_at on rate_limit (free_at);
