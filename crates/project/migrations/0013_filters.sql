-- The filters of lists. Each order has an index (0003); these are for filters that match few rows
-- of it, or none.
create index project_target_search on project using gin (target_search public.gin_trgm_ops);
create index project_short_parts on project using gin (short_parts);
create index project_regions on project using gin (regions);
create index project_category on project (category, id);

-- One row is in one of them. A status is no random sample of an order: most of a long list has
-- ended, and the newest have not.
create index project_planned on project (id) where status = 'planned';
create index project_ongoing on project (id) where status = 'ongoing';
create index project_ended on project (id) where status = 'ended';
create index project_ended_by_deadline on project (ends_on, id) where status = 'ended';
create index project_not_ended_by_name on project (name, id) where status <> 'ended';
create index project_without_deadline on project (id) where ends_on is null;

-- Phases. The expression has statistics of its own: how many are not over today. So has the kind.
create index project_open_until on project ((case when status <> 'ended' then coalesce(ends_on, 'infinity') end), id);
create statistics project_period_kind on (period ->> 'kind') from project;
analyze project;
