alter table salesman_match
    -- How far this match has followed what it was made for: a close or a request that is older has been heard already.
    add column origin_version         bigint not null default 1,
    -- The salesman who brought the customer in.
    add column brought_by             uuid,
    -- Who was on it when it was closed, from when it is open again until it is told who is on it now.
    add column previous_salesman_id   uuid,
    add column previous_consultant_id uuid;

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
    add check ((leave_from is null) = (leave_until is null));

-- What a match shows of its project, and what a strategy can go by: a copy of what the project service tells, kept by KeepProjects.
create table known_project (
    id       uuid   primary key,
    name     text   not null,
    category text   not null,
    regions  text[] not null
);
