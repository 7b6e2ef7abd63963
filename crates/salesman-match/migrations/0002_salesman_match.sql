create table salesman_match (
    id              uuid        primary key,
    origin_kind     text        not null check (origin_kind in ('interest', 'consultation')),
    origin_id       uuid        not null unique,
    project_id      uuid        not null,
    project_name    text,
    customer_id     uuid        not null,
    last_four       text        not null,
    salesman_id     uuid,
    salesman_name   text,
    consultant_id   uuid,
    consultant_name text,
    strategy        text,
    -- Why these people were chosen, with the candidates. Never in an event.
    reason          jsonb,
    requested_at    timestamptz not null,
    matched_at      timestamptz,
    closed_at       timestamptz,
    version         bigint      not null
);
-- The queue: open matches that lack a salesman or a consultant, oldest first.
create index salesman_match_waiting on salesman_match (requested_at, id)
    where closed_at is null and (salesman_id is null or consultant_id is null);
-- Capacity: the number of open matches of a person.
create index salesman_match_open_salesman on salesman_match (salesman_id) where closed_at is null;
create index salesman_match_open_consultant on salesman_match (consultant_id) where closed_at is null;
create index salesman_match_of_customer on salesman_match (customer_id, id desc);

-- The roster: a projection of salesmen and consultants, updated by KeepSalesmen.
create table known_salesman (
    id           uuid    primary key,
    display_name text    not null,
    role         text    not null check (role in ('salesman', 'consultant')),
    capacity     integer not null,
    active       boolean not null
);
