alter table salesman_match
    -- How far this match has followed what it was made for: a close or a request that is older has been heard already.
    add column origin_version         bigint not null default 1,
    -- The salesman who brought the customer in.
    add column brought_by             uuid,
    -- Who was on it when it was closed, from when it is open again until it is told who is on it now.
    add column previous_salesman_id   uuid,
    add column previous_consultant_id uuid;

-- The queue by what it lacks: a look for one of the two reads none of those that wait for the other.
drop index salesman_match_waiting;
create index salesman_match_lacks_salesman on salesman_match (requested_at, id) where closed_at is null and salesman_id is null;
create index salesman_match_lacks_consultant on salesman_match (requested_at, id)
    where closed_at is null and salesman_id is not null and consultant_id is null;

-- What a salesman or a consultant sees, closed matches too.
create index salesman_match_of_salesman on salesman_match (salesman_id, id desc);
create index salesman_match_of_consultant on salesman_match (consultant_id, id desc);

alter table known_salesman
    add column regions     text[]  not null default '{}',
    add column categories  text[]  not null default '{}',
    add column weight      integer not null default 1,
    -- Days off in Seoul, both ends included.
    add column leave_from  date,
    add column leave_until date,
    -- Which event told all of this: one that is older and heard again changes nothing. 0: not known.
    add column version     bigint  not null default 0,
    add check ((leave_from is null) = (leave_until is null));

-- What a match shows of its project, and what a strategy can go by: a copy of what the project service tells, kept by KeepProjects.
create table known_project (
    id       uuid   primary key,
    name     text   not null,
    category text   not null,
    regions  text[] not null,
    -- Which event told all of this: one that is older and heard again changes nothing.
    version  bigint not null
);
