create table salesman (
    id           uuid        primary key,
    name         text        not null,
    display_name text        not null,
    phone        text        not null unique,
    role         text        not null check (role in ('salesman', 'consultant')),
    regions      jsonb       not null,
    categories   jsonb       not null,
    capacity     integer     not null check (capacity >= 0),
    active       boolean     not null,
    version      bigint      not null,
    created_at   timestamptz not null
);

-- Notifications of salesmen and consultants. One row for each event and person: the inbox skips
-- redelivered events.
create table notification (
    id           uuid        primary key,
    salesman_id  uuid        not null,
    kind         text        not null,
    event_id     uuid        not null,
    origin_kind  text        not null,
    origin_id    uuid        not null,
    project_name text,
    created_at   timestamptz not null,
    read_at      timestamptz
);
create index notification_of_salesman on notification (salesman_id, id desc);
