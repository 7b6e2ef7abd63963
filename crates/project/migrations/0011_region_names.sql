-- The present names of an edition's regions, where they differ from `regions`: a 시도 that replaced
-- others is there as those, which every build knows.
alter table project add column region_names jsonb;
