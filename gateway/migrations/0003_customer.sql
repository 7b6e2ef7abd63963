-- A one-time code on its way to a telephone and back. The number is here for the minutes of the code's life; the code itself is not.
create table one_time_code (
    challenge       uuid primary key,
    customer_id     uuid not null,
    phone           text not null,
    -- HMAC-SHA256 under SIGN_IN_KEY of the challenge and the code: six digits alone would be tried out in a moment.
    code_mac        bytea not null,
    consent_version text not null,
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    -- How many guesses were judged. Counted before each is judged.
    judged          smallint not null default 0 check (judged between 0 and 5),
    used_at         timestamptz
);
create index one_time_code_expires_at on one_time_code (expires_at);
create index one_time_code_customer on one_time_code (customer_id);

-- That a customer agreed to the collection of personal data: to which text, and when.
create table consent (
    id           uuid primary key,
    customer_id  uuid not null,
    version      text not null,
    given_at     timestamptz not null,
    -- When the customer was erased.
    withdrawn_at timestamptz
);
create unique index consent_standing on consent (customer_id, version) where withdrawn_at is null;

-- A customer who wants to be forgotten, until every service has done so twice.
create table erasure (
    id           uuid primary key,
    customer_id  uuid not null,
    requested_at timestamptz not null,
    -- 1: each service for the first time. 2: once more, when whatever had begun before has ended.
    round        smallint not null default 1 check (round in (1, 2)),
    -- The services that have answered in this round.
    done         text[] not null default '{}',
    -- How often this round was tried.
    attempts     integer not null default 0,
    -- Not before then; whoever works on it puts it off, so that another goes on if he dies.
    next_try_at  timestamptz not null,
    finished_at  timestamptz
);
create unique index erasure_unfinished on erasure (customer_id) where finished_at is null;
create index erasure_due on erasure (next_try_at) where finished_at is null;
