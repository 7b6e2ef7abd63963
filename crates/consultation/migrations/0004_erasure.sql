-- A customer who wants to be forgotten: his consultations stay with their ids, closed, and say no more whose they were or what was said.
-- Nobody but staff sees them.
alter table consultation
    alter column phone drop not null,
    add column erased_at timestamptz,
    add check (erased_at is not null or phone is not null),
    add check (erased_at is null or (phone is null and customer_name is null and consent_at is null and project_name = ''
                                     and memo = '' and reason is null and step in ('succeeded', 'failed', 'cancelled')));

-- That a note was written, when and by whom, stays; what it said does not.
alter table note
    alter column text drop not null;
