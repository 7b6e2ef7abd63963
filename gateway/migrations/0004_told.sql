-- The answer's Location, such as the account of an invitation. Only words and ids, as in the path.
alter table audit_outcome add column location text;

-- The actor is null for the command line, with the role `system`.
alter table audit alter column actor drop not null;

-- For the idle sessions that are deleted every minute.
create index session_idle on session (used_at) where role <> 'customer';
