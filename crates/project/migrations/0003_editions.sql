-- An edition starts, ends and has a predecessor; an imported one has a source.
alter table project
    add column started_on  date,
    add column ended_on    date,
    add column predecessor uuid references project (id),
    -- Both or neither: the list it comes from, and its key there.
    add column source_name text,
    add column source_id   text,
    -- The dates of `period`, where there are any: for lists and filters.
    add column starts_on   date,
    add column ends_on     date,
    -- What is computed of the others by this build's rules, and by which version of them: a row of older rules is computed again at the start.
    add column series_key  text     not null default '',
    add column search      text     not null default '',
    add column initials    text     not null default '',
    add column computed_by smallint not null default 0,
    add constraint project_source check ((source_name is null) = (source_id is null));

update project set starts_on = (period ->> 'startsOn')::date, ends_on = (period ->> 'endsOn')::date;

-- An edition has at most one successor, however often its end is told.
create unique index project_predecessor on project (predecessor) where predecessor is not null;
create unique index project_source_key on project (source_name, source_id) where source_name is not null;
create index project_series_key on project (series_key);

-- Two letters of Hangul are six jamo, of which there are trigrams. The schema of the extension is not in a service's search path.
create index project_search on project using gin (search public.gin_trgm_ops);
create index project_initials on project using gin (initials public.gin_trgm_ops);

-- The orders of lists. The third, newest first, is the primary key's.
create index project_by_deadline on project (ends_on, id);
create index project_by_name on project (name, id);

-- What end-overdue ends.
create index project_ongoing_deadline on project (ends_on, id) where status = 'ongoing';
