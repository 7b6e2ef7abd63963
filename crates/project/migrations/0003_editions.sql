-- Start, end and predecessor of an edition, and the source of an imported one.
alter table project
    add column started_on  date,
    add column ended_on    date,
    add column predecessor uuid references project (id),
    -- Both or neither: the portal that it was imported from, and its key there.
    add column source_name text,
    add column source_id   text,
    -- The dates of `period`, for lists and filters.
    add column starts_on   date,
    add column ends_on     date,
    -- Derived from the other columns, and the version of the rules. Rows of older rules are
    -- recomputed while the service runs.
    add column series_key  text     not null default '',
    add column search      text     not null default '',
    add column initials    text     not null default '',
    add column computed_by smallint not null default 0,
    add constraint project_source check ((source_name is null) = (source_id is null));

update project set starts_on = (period ->> 'startsOn')::date, ends_on = (period ->> 'endsOn')::date;

-- An edition has at most one successor, however often its end is published.
create unique index project_predecessor on project (predecessor) where predecessor is not null;
create unique index project_source_key on project (source_name, source_id) where source_name is not null;
create index project_series_key on project (series_key);

-- Two syllables of Hangul are six jamo, which form trigrams. The schema of the extension is not in
-- a service's search path.
create index project_search on project using gin (search public.gin_trgm_ops);
create index project_initials on project using gin (initials public.gin_trgm_ops);

-- The orders of lists. The primary key serves the third one, newest first.
create index project_by_deadline on project (ends_on, id);
create index project_by_name on project (name, id);

-- For end-overdue.
create index project_ongoing_deadline on project (ends_on, id) where status = 'ongoing';
