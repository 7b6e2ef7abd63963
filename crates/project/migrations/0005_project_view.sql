-- Projections of other services, for the view of a project and for the visit card. Each table is
-- written by the events of one topic only, and they are joined when they are read, so that the
-- order between topics does not matter.

create table known_interest (
    id          uuid        primary key,
    -- Null if the interest service did not know the edition yet; then it is that of the project.
    series_id   uuid,
    project_id  uuid        not null,
    customer_id uuid        not null,
    last_four   text        not null,
    interested  boolean     not null,
    -- When it was last turned on.
    since       timestamptz not null
);
create index known_interest_series on known_interest (series_id) where interested;
create index known_interest_project on known_interest (project_id) where interested and series_id is null;
create index known_interest_customer on known_interest (customer_id) where interested;

create table known_consultation (
    id          uuid        primary key,
    project_id  uuid        not null,
    customer_id uuid        not null,
    last_four   text        not null,
    desired_on  date        not null,
    step        text        not null,
    -- When the customer applied.
    since       timestamptz not null
);
create index known_consultation_project on known_consultation (project_id);
create index known_consultation_customer on known_consultation (customer_id);

-- The newest match of each interest and consultation, by match and then by version, because matches
-- arrive in any order.
create table known_match (
    origin_kind     text        not null,
    origin_id       uuid        not null,
    match_id        uuid        not null,
    version         bigint      not null,
    matched_at      timestamptz not null,
    salesman_id     uuid        not null,
    salesman_name   text        not null,
    consultant_id   uuid,
    consultant_name text,
    primary key (origin_kind, origin_id)
);

create table known_salesman (
    id           uuid primary key,
    display_name text not null
);

-- A search column: the distinctive words of the target (지원대상), for the visit card.
alter table project add column target_words text[] not null default '{}';
