-- Erasure of a customer: the consultations stay with their ids, in a closed step and without
-- personal data and texts. Only staff see them.
alter table consultation
    alter column phone drop not null,
    add column erased_at timestamptz,
    add check (erased_at is not null or phone is not null),
    add check (erased_at is null or (phone is null and customer_name is null and consent_at is null and project_name = ''
                                     and memo = '' and reason is null and step in ('succeeded', 'failed', 'cancelled')));

-- Author and time of a note stay; its text is erased.
alter table note
    alter column text drop not null;
