-- Erasure of a customer: interests keep their ids, are off, and contain no personal data. Only
-- staff see them.
alter table interest
    alter column phone drop not null,
    add column erased_at timestamptz,
    add check (erased_at is not null or phone is not null),
    add check (erased_at is null or (phone is null and customer_name is null and consent_role is null and consent_by is null
                                     and consent_at is null and not interested));

-- The same customer may mark the same series again after an erasure.
alter table interest drop constraint interest_customer_id_subject_id_key;
create unique index interest_of_customer_in_series on interest (customer_id, subject_id) where erased_at is null;

-- Tombstones: erased customers with the time of the last erasure. Later events about consultations
-- from before are not stored.
create table forgotten (
    customer_id uuid        primary key,
    at          timestamptz not null
);
