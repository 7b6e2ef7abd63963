-- A file of programmes, and the plan or the result of importing it.
create table import (
    id            uuid        primary key,
    file_name     text,
    -- receiving: the file is arriving; planned: staff check the plan; committing: the importer
    -- carries it out; committed: it was carried out.
    state         text        not null check (state in ('receiving', 'planned', 'committing', 'committed')),
    requested_by  uuid        not null,
    requested_at  timestamptz not null,
    committed_by  uuid,
    committed_at  timestamptz,
    finished_at   timestamptz,
    version       bigint      not null
);
create index import_waiting on import (committed_at, id) where state = 'committing';
create index import_unfinished on import (requested_at) where state in ('receiving', 'planned');

create table import_row (
    import_id       uuid     not null references import (id) on delete cascade,
    -- Counted from 1, and the line of the file on which the row starts.
    number          bigint   not null,
    line            bigint   not null,
    -- The content; null if the row is invalid.
    source_name     text,
    source_id       text,
    year            integer,
    content         jsonb,
    -- The plan: the edition and version that it changes, and the differences.
    action          text     not null check (action in ('create', 'edit', 'same', 'fills-planned', 'error')),
    project_id      uuid,
    project_version bigint,
    differences     jsonb    not null,
    faults          jsonb    not null,
    -- The result: done, skipped because it was not confirmed, or failed.
    outcome         text     check (outcome in ('done', 'skipped', 'failed')),
    primary key (import_id, number)
);
create index import_row_key on import_row (import_id, source_name, source_id);
create index import_row_filling on import_row (import_id, project_id) where action = 'fills-planned';
-- Earlier years first, so that an edition finds its predecessor.
create index import_row_waiting on import_row (import_id, year, number)
    where outcome is null and action in ('create', 'edit', 'fills-planned');
