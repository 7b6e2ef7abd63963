-- How many interests are on and off: of all customers (the nil id), and of each salesman and
-- consultant. Otherwise every read would count them from the beginning. Merged interests are left
-- out, and erased ones except among all. A person without a row has none.
create table interest_count (
    person         uuid   primary key,
    interested     bigint not null default 0,
    not_interested bigint not null default 0
);

-- A trigger keeps it, so that no statement and no build before this one can forget to. It runs at
-- the end of a transaction, under one lock: its holder waits for nothing else, so that two
-- transactions with the same people cannot deadlock.
create function count_interest() returns trigger language plpgsql as $$
declare
    everybody constant uuid := '00000000-0000-0000-0000-000000000000';
begin
    if (old.interested, old.merged_into, old.erased_at, old.salesman_id, old.consultant_id)
       is not distinct from (new.interested, new.merged_into, new.erased_at, new.salesman_id, new.consultant_id) then
        return null;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || '/interest_count', 2));
    insert into interest_count as stored (person, interested, not_interested)
    select place.person, coalesce(sum(place.change) filter (where place.interested), 0),
           coalesce(sum(place.change) filter (where not place.interested), 0)
    from (values
        (everybody, -1, old.interested, old.merged_into, null::timestamptz),
        (old.salesman_id, -1, old.interested, old.merged_into, old.erased_at),
        (old.consultant_id, -1, old.interested, old.merged_into, old.erased_at),
        (everybody, 1, new.interested, new.merged_into, null),
        (new.salesman_id, 1, new.interested, new.merged_into, new.erased_at),
        (new.consultant_id, 1, new.interested, new.merged_into, new.erased_at)
    ) place (person, change, interested, merged_into, erased_at)
    where place.person is not null and place.interested is not null
      and place.merged_into is null and place.erased_at is null
    group by place.person
    on conflict (person) do update
        set interested = stored.interested + excluded.interested,
            not_interested = stored.not_interested + excluded.not_interested;
    delete from interest_count
    where person in (old.salesman_id, old.consultant_id, new.salesman_id, new.consultant_id)
      and (interested, not_interested) = (0, 0);
    return null;
end
$$;
create constraint trigger count_interest after insert or update or delete on interest
    deferrable initially deferred for each row execute function count_interest();

-- What is there already. Creating the trigger has locked the table against writes.
insert into interest_count (person, interested, not_interested)
select person, count(*) filter (where interested), count(*) filter (where not interested)
from interest cross join lateral (values
    ('00000000-0000-0000-0000-000000000000'::uuid, true),
    (salesman_id, erased_at is null), (consultant_id, erased_at is null)
) counted (person, is_counted)
where merged_into is null and person is not null and is_counted
group by person;
