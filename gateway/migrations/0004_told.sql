-- What an answer says it was about: of an invitation, whose account. Words and ids only, as in the path.
alter table audit_outcome add column location text;

-- Nobody who is signed in, on the command line: the role is `system` then.
alter table audit alter column actor drop not null;

-- Sessions of colleagues that nobody has used lately are looked for every minute.
create index session_idle on session (used_at) where role <> 'customer';
