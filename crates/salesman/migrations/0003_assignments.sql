-- The weight for strategies that use it, and the leave (both days included, in Seoul).
alter table salesman
    add column weight      integer not null default 1 check (weight between 1 and 100),
    add column leave_from  date,
    add column leave_until date,
    add check ((leave_from is null) = (leave_until is null) and leave_from <= leave_until);

-- Who is assigned to which interest or consultation. A row has two halves from two topics, in
-- either order: the people and the project from the match (`match_version`), wanted or closed from
-- the interest or the consultation (`state_version`). Version 0: no event of that half has arrived
-- yet.
create table assignment (
    origin_kind   text        not null check (origin_kind in ('interest', 'consultation')),
    origin_id     uuid        not null,
    customer_id   uuid        not null,
    last_four     text        not null,
    project_id    uuid        not null,
    salesman_id   uuid,
    consultant_id uuid,
    match_version bigint      not null default 0,
    -- The version of the interest or the consultation that the match answers.
    match_origin_version bigint not null default 0,
    -- When the current people were matched.
    matched_at    timestamptz,
    wanted        boolean     not null default true,
    -- The last closing: its time, the version of the event, and the step of a consultation.
    closed_at     timestamptz,
    closed_version bigint     not null default 0,
    closed_as     text,
    state_version bigint      not null default 0,
    -- An interest that is turned on again stays closed until a match answers it: the earlier people
    -- are not assigned any more.
    open          boolean     generated always as (wanted and match_origin_version > closed_version) stored,
    primary key (origin_kind, origin_id)
);
-- The open and the closed assignments of a person, newest first: each query reads at most fifty
-- rows of an index.
create index assignment_open_of_salesman on assignment (salesman_id, origin_id desc, origin_kind) where open;
create index assignment_open_of_consultant on assignment (consultant_id, origin_id desc, origin_kind) where open;
create index assignment_closed_of_salesman on assignment (salesman_id, origin_id desc, origin_kind) where not open;
create index assignment_closed_of_consultant on assignment (consultant_id, origin_id desc, origin_kind) where not open;
create index assignment_of_customer on assignment (customer_id);
create index assignment_open on assignment (project_id) where open;

-- How consultations ended, and for which salesman. The key makes sure that each is counted once.
create table outcome (
    consultation_id uuid        primary key,
    salesman_id     uuid        not null,
    succeeded       boolean     not null,
    ended_at        timestamptz not null
);
create index outcome_of_salesman on outcome (salesman_id, succeeded);

-- Projection of the project service, written by KeepProjects. Serving one edition of a series means
-- serving the series.
create table known_project (
    id        uuid   primary key,
    series_id uuid   not null,
    name      text   not null,
    ends_on   date,
    status    text   not null check (status in ('planned', 'ongoing', 'ended')),
    version   bigint not null
);
create index known_project_of_series on known_project (series_id);

-- `origin_kind` and `origin_id` are the link of a notification, which can be a project from now on.
-- Earlier rows have no details. `created_at` is the time of the event, and the id starts with it:
-- the order follows the events even when many arrive at once.
alter table notification
    add column project_id uuid,
    add column details    jsonb not null default '{}';
-- One row for each person, event and kind, also after the inbox was pruned.
delete from notification twice using notification once
    where (twice.salesman_id, twice.event_id, twice.kind) = (once.salesman_id, once.event_id, once.kind) and twice.id > once.id;
create unique index notification_once on notification (salesman_id, event_id, kind);
create index notification_unread on notification (salesman_id, id desc) where read_at is null;
