-- The tables of the event path, the same in every service: the first migration of each service
-- must equal this file. The columns of the event log have the default names of Debezium's outbox
-- event router.

-- The event log is immutable. `pos` is the order of the events of one aggregate, because an
-- event is inserted after the aggregate's row was locked. It does not order events of different
-- aggregates.
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

-- The outbox: events that Kafka has not acknowledged. A column `published_at` in the event log
-- would cost sixteen times the WAL.
create table outbox_pending (
    pos bigint primary key
);

-- Leaders of the relay and of other tasks. The advisory lock decides who leads; the row has the
-- heartbeat and the fencing epoch.
create table leader (
    name        text        primary key,
    epoch       bigint      not null,
    backend_pid integer     not null,
    beat_at     timestamptz not null
);

-- Ids of consumed events. Pruned after a week: `progress` still drops later redeliveries.
create table inbox (
    event_id    uuid        primary key,
    received_at timestamptz not null
);
create index inbox_received_at on inbox (received_at);

-- The last consumed version of each aggregate of another service.
create table progress (
    aggregatetype text   not null,
    aggregateid   uuid   not null,
    version       bigint not null,
    primary key (aggregateid, aggregatetype)
);

-- Records that cannot be applied, with the later records of the same aggregate. Other aggregates
-- are not affected.
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

-- Results of writes with an idempotency key, for a day.
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
