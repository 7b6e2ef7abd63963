create table consultation (
    id              uuid        primary key,
    project_id      uuid        not null,
    project_name    text        not null,
    customer_id     uuid        not null,
    phone           text        not null,
    customer_name   text,
    desired_on      date        not null,
    memo            text        not null,
    step            text        not null check (step in ('apply', 'approved', 'succeeded', 'failed', 'cancelled')),
    reason          text,
    salesman_id     uuid,
    salesman_name   text,
    consultant_id   uuid,
    consultant_name text,
    version         bigint      not null,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create index consultation_of_customer on consultation (customer_id, id desc);
create index consultation_of_project on consultation (project_id);
create index consultation_of_salesman on consultation (salesman_id, id desc);
create index consultation_of_consultant on consultation (consultant_id, id desc);

-- Projection of the project service's editions. The policy KeepProjects updates it.
create table known_project (
    id     uuid primary key,
    name   text not null,
    status text not null
);
