-- Erasure of a customer: interests and consultations stay with their ids and are counted, but no
-- longer identify the customer.
alter table known_interest
    alter column last_four drop not null,
    add column erased_at timestamptz,
    add check (erased_at is null or (last_four is null and not interested)),
    add check (erased_at is not null or last_four is not null);
alter table known_consultation
    alter column last_four drop not null,
    add column erased_at timestamptz,
    add check (erased_at is null or (last_four is null and step not in ('apply', 'approved'))),
    add check (erased_at is not null or last_four is not null);

-- All of a customer, including interests that are off.
create index known_interest_of_customer on known_interest (customer_id);
drop index known_interest_customer;

-- Erased customers and the time of the last erasure. What is older is stored as erased, whenever
-- its event arrives.
create table forgotten (
    customer_id uuid        primary key,
    at          timestamptz not null
);
