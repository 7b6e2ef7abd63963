-- The number of open matches of a person, in both roles, for capacity: otherwise the open matches
-- of everybody would be counted for each batch of the assigner. A person without a row has none.
create table workload (
    person uuid   primary key,
    open   bigint not null
);

-- A trigger keeps it, so that no statement and no build before this one can forget to. It runs at
-- the end of a transaction, under one lock: its holder waits for nothing else, so that two
-- transactions with the same people cannot deadlock.
create function count_open_match() returns trigger language plpgsql as $$
begin
    if (old.closed_at is null, old.salesman_id, old.consultant_id)
       is not distinct from (new.closed_at is null, new.salesman_id, new.consultant_id) then
        return null;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || '/workload', 2));
    insert into workload as stored (person, open)
    select place.person, sum(place.change) from (values
        (old.salesman_id, -1, old.closed_at), (old.consultant_id, -1, old.closed_at),
        (new.salesman_id, 1, new.closed_at), (new.consultant_id, 1, new.closed_at)
    ) place (person, change, closed_at)
    where place.person is not null and place.closed_at is null group by place.person having sum(place.change) <> 0
    on conflict (person) do update set open = stored.open + excluded.open;
    delete from workload
    where person in (old.salesman_id, old.consultant_id, new.salesman_id, new.consultant_id) and open = 0;
    return null;
end
$$;
create constraint trigger count_open_match after insert or update or delete on salesman_match
    deferrable initially deferred for each row execute function count_open_match();

-- What is there already. Creating the trigger has locked the table against writes.
insert into workload (person, open)
select person, count(*) from salesman_match
cross join lateral (values (salesman_id), (consultant_id)) assigned (person)
where closed_at is null and person is not null
group by person;
