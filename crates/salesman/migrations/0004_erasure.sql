-- A customer who wants to be forgotten: what people were on stays with its ids and is counted, and says no more whose it was.
alter table assignment
    alter column last_four drop not null,
    add column erased_at timestamptz,
    add check (erased_at is null or (last_four is null and not wanted)),
    add check (erased_at is not null or last_four is not null);

-- Who was forgotten, and when the last time: what was made before is kept without him whenever it is told of.
create table forgotten (
    customer_id uuid        primary key,
    at          timestamptz not null
);

-- What people were told of a customer goes with him. Rows of before details were told are found by what they are linked to.
create index notification_of_customer on notification ((details ->> 'customerId')) where details ? 'customerId';
create index notification_without_details on notification (origin_id) where not details ? 'customerId' and origin_kind <> 'project';
