-- The numbers beside a person, which would otherwise be counted from the beginning on every read:
-- open interests and consultations, and how consultations ended. A person without a row has none.
create table workload (
    salesman_id uuid   primary key,
    open        bigint not null default 0,
    succeeded   bigint not null default 0,
    failed      bigint not null default 0
);

-- Triggers keep them, so that no statement and no build before this one can forget to. They run at
-- the end of a transaction, under one lock: its holder waits for nothing else, so that two
-- transactions with the same people cannot deadlock.
create function add_workload(people uuid[], opened bigint, succeeded_more bigint, failed_more bigint)
returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || '/workload', 2));
    insert into workload as stored (salesman_id, open, succeeded, failed)
    select distinct person, opened, succeeded_more, failed_more from unnest(people) person where person is not null
    on conflict (salesman_id) do update
        set open = stored.open + excluded.open, succeeded = stored.succeeded + excluded.succeeded,
            failed = stored.failed + excluded.failed;
    delete from workload where salesman_id = any(people) and (open, succeeded, failed) = (0, 0, 0);
end
$$;

create function count_assignment() returns trigger language plpgsql as $$
begin
    if (old.open, old.salesman_id, old.consultant_id) is not distinct from (new.open, new.salesman_id, new.consultant_id) then
        return null;
    end if;
    if old.open then
        perform add_workload(array[old.salesman_id, old.consultant_id], -1, 0, 0);
    end if;
    if new.open then
        perform add_workload(array[new.salesman_id, new.consultant_id], 1, 0, 0);
    end if;
    return null;
end
$$;
create constraint trigger count_assignment after insert or update or delete on assignment
    deferrable initially deferred for each row execute function count_assignment();

create function count_outcome() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform add_workload(array[new.salesman_id], 0, new.succeeded::int, (not new.succeeded)::int);
    else
        perform add_workload(array[old.salesman_id], 0, -old.succeeded::int, -(not old.succeeded)::int);
    end if;
    return null;
end
$$;
create constraint trigger count_outcome after insert or delete on outcome
    deferrable initially deferred for each row execute function count_outcome();

-- What is there already. Creating the triggers has locked both tables against writes.
insert into workload (salesman_id, open, succeeded, failed)
select person, sum(opened), sum(succeeded), sum(failed) from (
    select distinct origin_kind, origin_id, person, 1 as opened, 0 as succeeded, 0 as failed
    from assignment cross join lateral (values (salesman_id), (consultant_id)) assigned (person)
    where open
    union all
    select '', consultation_id, salesman_id, 0, succeeded::int, (not succeeded)::int from outcome
) counted
where person is not null
group by person;
