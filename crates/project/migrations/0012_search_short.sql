-- Search columns: the target (지원대상) in the form of `search`, and what a search may consist of that
-- is too short for a trigram. Rows are computed by the new rules while the service runs.
alter table project
    add column target_search text   not null default '',
    add column short_parts   text[] not null default '{}';
