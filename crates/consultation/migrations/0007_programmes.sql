-- The programme of an edition: to find the successor of an ended one, and a customer's open
-- consultation about any edition of it. Null in rows that are older than this migration, until the
-- project's next event.
--
-- One open consultation per customer and programme is no unique index: the programme of a
-- consultation may become known later, and databases have several open ones from before. Requests
-- of one customer take turns instead (store/open.rs).
alter table known_project add column series_id uuid;
create index known_project_of_series on known_project (series_id, year) where series_id is not null;

-- The ended edition that was asked for, where the consultation is about its successor.
alter table consultation add column asked_project_id uuid;
