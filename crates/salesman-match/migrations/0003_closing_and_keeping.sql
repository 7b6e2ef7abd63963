alter table salesman_match
    -- The version of the last event of the origin that requested or closed this match. Older events
    -- are ignored.
    add column origin_version         bigint not null default 1,
    -- The salesman who brought the customer in.
    add column brought_by             uuid,
    -- The people from before the match was closed: set from reopening until the next event.
    add column previous_salesman_id   uuid,
    add column previous_consultant_id uuid;

-- One index per missing role, so that a query for one does not scan matches that lack the other.
drop index salesman_match_waiting;
create index salesman_match_lacks_salesman on salesman_match (requested_at, id) where closed_at is null and salesman_id is null;
create index salesman_match_lacks_consultant on salesman_match (requested_at, id)
    where closed_at is null and salesman_id is not null and consultant_id is null;

-- The matches that a salesman or a consultant sees, including closed ones.
create index salesman_match_of_salesman on salesman_match (salesman_id, id desc);
create index salesman_match_of_consultant on salesman_match (consultant_id, id desc);

alter table known_salesman
    add column regions     text[]  not null default '{}',
    add column categories  text[]  not null default '{}',
    add column weight      integer not null default 1,
    -- Days in Seoul, both included.
    add column leave_from  date,
    add column leave_until date,
    -- The version of the event that is stored here. Older events are ignored. 0: unknown.
    add column version     bigint  not null default 0,
    add check ((leave_from is null) = (leave_until is null));

-- A projection of projects, updated by KeepProjects: the name for matches, the rest for strategies.
create table known_project (
    id       uuid   primary key,
    name     text   not null,
    category text   not null,
    regions  text[] not null,
    -- The version of the event that is stored here. Older events are ignored.
    version  bigint not null
);
