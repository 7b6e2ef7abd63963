-- What a strategy that weighs goes by, and when somebody is away (both days included, in Seoul).
alter table salesman
    add column weight      integer not null default 1 check (weight between 1 and 100),
    add column leave_from  date,
    add column leave_until date,
    add check ((leave_from is null) = (leave_until is null) and leave_from <= leave_until);

-- Who is on which interest or consultation, as far as events have told. Its two halves come from two topics, in either order: who and
-- what from the match (`match_version`), wanted or closed from the interest or the consultation (`state_version`; 0: not told yet).
create table assignment (
    origin_kind   text        not null check (origin_kind in ('interest', 'consultation')),
    origin_id     uuid        not null,
    customer_id   uuid        not null,
    last_four     text        not null,
    project_id    uuid        not null,
    salesman_id   uuid,
    consultant_id uuid,
    match_version bigint      not null default 0,
    -- By which event of the interest or the consultation these people were asked for.
    match_origin_version bigint not null default 0,
    -- When the people who are on it now came.
    matched_at    timestamptz,
    wanted        boolean     not null default true,
    -- When it was closed the last time, by which event, and by which step of a consultation.
    closed_at     timestamptz,
    closed_version bigint     not null default 0,
    closed_as     text,
    state_version bigint      not null default 0,
    -- An interest that is turned on again stays closed until a match answers that: its people of before are on it no longer.
    open          boolean     generated always as (wanted and match_origin_version > closed_version) stored,
    primary key (origin_kind, origin_id)
);
-- What somebody is on, and what he was on, newest first: each is read to its fiftieth row, however many there are.
create index assignment_open_of_salesman on assignment (salesman_id, origin_id desc, origin_kind) where open;
create index assignment_open_of_consultant on assignment (consultant_id, origin_id desc, origin_kind) where open;
create index assignment_closed_of_salesman on assignment (salesman_id, origin_id desc, origin_kind) where not open;
create index assignment_closed_of_consultant on assignment (consultant_id, origin_id desc, origin_kind) where not open;
create index assignment_of_customer on assignment (customer_id);
create index assignment_open on assignment (project_id) where open;

-- How consultations ended, and for whom it counts. The key counts each of them once, however often it is told.
create table outcome (
    consultation_id uuid        primary key,
    salesman_id     uuid        not null,
    succeeded       boolean     not null,
    ended_at        timestamptz not null
);
create index outcome_of_salesman on outcome (salesman_id, succeeded);

-- A copy of what the project service tells, kept by KeepProjects: whoever serves one edition of a series serves the series.
create table known_project (
    id        uuid   primary key,
    series_id uuid   not null,
    name      text   not null,
    ends_on   date,
    status    text   not null check (status in ('planned', 'ongoing', 'ended')),
    version   bigint not null
);
create index known_project_of_series on known_project (series_id);

-- `origin_kind` and `origin_id` are what a notification is linked to, which may be a project now. Rows of before tell no details.
-- `created_at` is when it happened, and the id is made of that instant: newest first is what happened last, also when much is heard at once.
alter table notification
    add column project_id uuid,
    add column details    jsonb not null default '{}';
-- Once for each person, event and kind, also when the inbox has forgotten the event.
delete from notification twice using notification once
    where (twice.salesman_id, twice.event_id, twice.kind) = (once.salesman_id, once.event_id, once.kind) and twice.id > once.id;
create unique index notification_once on notification (salesman_id, event_id, kind);
create index notification_unread on notification (salesman_id, id desc) where read_at is null;
