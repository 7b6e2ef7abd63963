-- One edition of a programme. The name is not a key: a real list of 4,912 programmes has 4,862
-- distinct names.
create table project (
    id             uuid        primary key,
    series_id      uuid        not null,
    name           text        not null,
    year           integer     not null,
    category       text        not null,
    regions        jsonb       not null,
    target         text,
    scale          bigint,
    agency         text        not null,
    host           text        not null,
    summary        text,
    link           text,
    period         jsonb       not null,
    status         text        not null check (status in ('planned', 'ongoing', 'ended')),
    version        bigint      not null,
    created_at     timestamptz not null
);
create index project_of_series on project (series_id, year);
