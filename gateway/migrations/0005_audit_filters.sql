-- What an entry is about, so that the audit log is searched by it: the operation, and the first id
-- in the path or in the answer's Location. Both are generated, because no row can be changed.
alter table audit
    add column action  text generated always as
        (method || ' ' || regexp_replace(path, '[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}', '{id}', 'g')) stored,
    add column subject uuid generated always as
        (substring(path from '[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}')::uuid) stored;
alter table audit_outcome
    add column subject uuid generated always as
        (substring(location from '[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}')::uuid) stored;
create index audit_of_action on audit (action, id desc);
create index audit_of_subject on audit (subject) where subject is not null;
create index audit_outcome_of_subject on audit_outcome (subject) where subject is not null;
create index audit_outcome_refused on audit_outcome (audit_id desc) where status >= 400;
