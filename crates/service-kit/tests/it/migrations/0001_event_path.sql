-- The event path's tables, the same in every service. The text of each service's first migration must equal this file.
-- Names of the event log's columns are those that Debezium's outbox router reads by default.

-- The ledger: what happened, for good. `pos` is the order in which one aggregate's events were recorded, because an event is
-- inserted after its aggregate's row was locked; between aggregates it says nothing.
create table event_log (
    pos           bigint      generated always as identity primary key,
    id            uuid        not null unique,
    aggregatetype text        not null,
    aggregateid   uuid        not null,
    version       bigint      not null check (version > 0),
    type          text        not null,
    payload       jsonb       not null,
    headers       jsonb       not null default '{}',
    recorded_at   timestamptz not null,
    unique (aggregateid, version)
);

create function event_log_is_immutable() returns trigger language plpgsql as $$
begin
    raise exception 'event_log is immutable';
end
$$;

create trigger event_log_is_immutable
    before update or delete or truncate on event_log
    for each statement execute function event_log_is_immutable();

-- What is not on Kafka yet: a small queue beside the ledger. A `published_at` column in the ledger itself costs sixteen times the WAL.
create table outbox_pending (
    pos bigint primary key
);

-- Who leads the relay (and the assigner). The advisory lock decides; this row carries the heartbeat and the fencing epoch.
create table leader (
    name        text        primary key,
    epoch       bigint      not null,
    backend_pid integer     not null,
    beat_at     timestamptz not null
);

-- Which events were taken in. Pruned after a week: `progress` still drops what comes again later.
create table inbox (
    event_id    uuid        primary key,
    received_at timestamptz not null
);
create index inbox_received_at on inbox (received_at);

-- How far this service has followed each aggregate of another.
create table progress (
    aggregatetype text   not null,
    aggregateid   uuid   not null,
    version       bigint not null,
    primary key (aggregateid, aggregatetype)
);

-- Records that could not be taken in, with the later records of the same aggregate, in order. Everything else flows on.
create table parked (
    id            bigint      generated always as identity primary key,
    topic         text        not null,
    partition     integer     not null,
    "offset"      bigint      not null,
    key           bytea,
    headers       jsonb       not null,
    payload       bytea,
    event_id      uuid,
    aggregatetype text,
    aggregateid   uuid,
    version       bigint,
    type          text,
    reason        text        not null check (reason in ('unreadable', 'unknown_type', 'refused', 'gap', 'held')),
    detail        text        not null,
    parked_at     timestamptz not null,
    unique (topic, partition, "offset")
);
create index parked_aggregate on parked (aggregateid, version);

-- One row for each retried write that was carried out: the same key gives the same answer again, for a day.
create table idempotency_key (
    principal  uuid        not null,
    key        text        not null,
    body_hash  bytea       not null,
    status     smallint    not null,
    resource   uuid        not null,
    created_at timestamptz not null,
    primary key (principal, key)
);
create index idempotency_key_created_at on idempotency_key (created_at);
