-- A customer who wants to be forgotten: the row stays with its ids, and says no more whose it was. Nobody but staff sees it.
alter table salesman_match
    alter column last_four drop not null,
    add column erased_at timestamptz,
    add check (erased_at is null
               or (num_nonnulls(last_four, reason, brought_by, previous_salesman_id, previous_consultant_id) = 0 and closed_at is not null)),
    add check (erased_at is not null or last_four is not null);

-- Who was forgotten, and when the last time: what was made before is kept aside from him whenever it is told of.
create table forgotten (
    customer_id uuid        primary key,
    at          timestamptz not null
);
