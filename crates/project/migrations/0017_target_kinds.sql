-- A search column: the common kinds of target (지원대상) that the target contains. Rows are computed by
-- the new rules while the service runs.
alter table project add column target_kinds text[] not null default '{}';

-- The projects of a salesman, for the list.
create index engagement_count_salesman on engagement_count (salesman_id, kind, scope_id)
    where salesman_id <> '00000000-0000-0000-0000-000000000000';
