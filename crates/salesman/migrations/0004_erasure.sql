-- Erasure of a customer: assignments stay with their ids and counts, without what identifies the
-- customer.
alter table assignment
    alter column last_four drop not null,
    add column erased_at timestamptz,
    add check (erased_at is null or (last_four is null and not wanted)),
    add check (erased_at is not null or last_four is not null);

-- Tombstones of erased customers, with the time of the last erasure: late events about anything
-- older store nothing that identifies the customer.
create table forgotten (
    customer_id uuid        primary key,
    at          timestamptz not null
);

-- Notifications about an erased customer are deleted. Rows without details are found by their link.
create index notification_of_customer on notification ((details ->> 'customerId')) where details ? 'customerId';
create index notification_without_details on notification (origin_id) where not details ? 'customerId' and origin_kind <> 'project';
