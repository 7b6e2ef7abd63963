-- A customer who wants to be forgotten: his interests and consultations stay with their ids and are counted, and say no more whose they were.
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

-- Whatever is his, also what is off.
create index known_interest_of_customer on known_interest (customer_id);
drop index known_interest_customer;

-- Who was forgotten, and when the last time: what was made before is kept without him whenever it is told of.
create table forgotten (
    customer_id uuid        primary key,
    at          timestamptz not null
);
