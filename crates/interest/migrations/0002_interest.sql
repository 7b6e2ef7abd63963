create table interest (
    id              uuid        primary key,
    -- Unique per customer: the series, or the edition while the series is unknown.
    subject_id      uuid        not null,
    series_id       uuid,
    project_id      uuid        not null,
    project_name    text        not null,
    customer_id     uuid        not null,
    phone           text        not null,
    customer_name   text,
    interested      boolean     not null,
    salesman_id     uuid,
    salesman_name   text,
    consultant_id   uuid,
    consultant_name text,
    version         bigint      not null,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    unique (customer_id, subject_id)
);
create index interest_of_customer on interest (customer_id, id desc);
create index interest_of_project on interest (project_id) where series_id is null;
create index interest_of_salesman on interest (salesman_id, id desc);
create index interest_of_consultant on interest (consultant_id, id desc);

-- Projection of projects, written by KeepProjects.
create table known_project (
    id        uuid primary key,
    series_id uuid not null,
    name      text not null,
    status    text not null
);
