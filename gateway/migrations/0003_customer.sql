-- One-time codes. The phone number is stored for the minutes of the code's lifetime; the code
-- itself is not stored.
create table one_time_code (
    challenge       uuid primary key,
    customer_id     uuid not null,
    phone           text not null,
    -- HMAC-SHA256 under SIGN_IN_KEY of challenge and code: a plain hash of six digits could be
    -- reversed by trying all of them.
    code_mac        bytea not null,
    consent_version text not null,
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    -- Guesses. Each is counted before it is checked.
    judged          smallint not null default 0 check (judged between 0 and 5),
    used_at         timestamptz
);
create index one_time_code_expires_at on one_time_code (expires_at);
create index one_time_code_customer on one_time_code (customer_id);

-- Consents to the collection of personal data: to which version of the text, and when.
create table consent (
    id           uuid primary key,
    customer_id  uuid not null,
    version      text not null,
    given_at     timestamptz not null,
    -- When the customer was erased.
    withdrawn_at timestamptz
);
create unique index consent_standing on consent (customer_id, version) where withdrawn_at is null;

-- Erasure jobs. Every service has to confirm in both rounds.
create table erasure (
    id           uuid primary key,
    customer_id  uuid not null,
    requested_at timestamptz not null,
    -- The second round begins when requests from before the first cannot be running any more.
    round        smallint not null default 1 check (round in (1, 2)),
    -- The services that have confirmed in this round.
    done         text[] not null default '{}',
    -- The attempts in this round.
    attempts     integer not null default 0,
    -- A claim postpones it, so that another gateway continues the job after a crash.
    next_try_at  timestamptz not null,
    finished_at  timestamptz
);
create unique index erasure_unfinished on erasure (customer_id) where finished_at is null;
create index erasure_due on erasure (next_try_at) where finished_at is null;
