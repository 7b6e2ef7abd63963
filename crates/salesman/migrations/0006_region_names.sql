-- The present names of a person's regions, where they differ from `regions`: a 시도 that replaced
-- others is there as those, which every build knows.
alter table salesman add column region_names jsonb;
