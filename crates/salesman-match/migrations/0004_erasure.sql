-- Erasure: the row of an erased customer stays with its ids, without personal data. Only staff see
-- it.
alter table salesman_match
    alter column last_four drop not null,
    add column erased_at timestamptz,
    add check (erased_at is null
               or (num_nonnulls(last_four, reason, brought_by, previous_salesman_id, previous_consultant_id) = 0 and closed_at is not null)),
    add check (erased_at is not null or last_four is not null);

-- Tombstones of erased customers with the time of the last erasure: late events of earlier
-- interests and consultations request no match.
create table forgotten (
    customer_id uuid        primary key,
    at          timestamptz not null
);
