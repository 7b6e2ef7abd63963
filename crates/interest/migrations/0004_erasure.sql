-- A customer who wants to be forgotten: his interests stay with their ids, off, and say no more whose they were. Nobody but staff sees them.
alter table interest
    alter column phone drop not null,
    add column erased_at timestamptz,
    add check (erased_at is not null or phone is not null),
    add check (erased_at is null or (phone is null and customer_name is null and consent_role is null and consent_by is null
                                     and consent_at is null and not interested));

-- The same customer may mark the same series again: what was erased is nobody's, and in nobody's way.
alter table interest drop constraint interest_customer_id_subject_id_key;
create unique index interest_of_customer_in_series on interest (customer_id, subject_id) where erased_at is null;

-- Who was forgotten, and when the last time: what is told later of consultations of before is not kept.
create table forgotten (
    customer_id uuid        primary key,
    at          timestamptz not null
);
