-- How many consultations of a salesman succeeded and failed on a day in Seoul: a month or a period
-- is a sum of its days, and not of all outcomes.
create table outcome_day (
    salesman_id uuid   not null,
    day         date   not null,
    succeeded   bigint not null default 0,
    failed      bigint not null default 0,
    primary key (salesman_id, day)
);
create index outcome_day_of_all on outcome_day (day);

-- The trigger of `workload` keeps it under the same lock.
create or replace function count_outcome() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform add_workload(array[new.salesman_id], 0, new.succeeded::int, (not new.succeeded)::int);
        insert into outcome_day as stored (salesman_id, day, succeeded, failed)
        values (new.salesman_id, (new.ended_at at time zone interval '9 hours')::date, new.succeeded::int, (not new.succeeded)::int)
        on conflict (salesman_id, day) do update
            set succeeded = stored.succeeded + excluded.succeeded, failed = stored.failed + excluded.failed;
    else
        perform add_workload(array[old.salesman_id], 0, -old.succeeded::int, -(not old.succeeded)::int);
        update outcome_day set succeeded = succeeded - old.succeeded::int, failed = failed - (not old.succeeded)::int
        where salesman_id = old.salesman_id and day = (old.ended_at at time zone interval '9 hours')::date;
        delete from outcome_day
        where salesman_id = old.salesman_id and day = (old.ended_at at time zone interval '9 hours')::date and (succeeded, failed) = (0, 0);
    end if;
    return null;
end
$$;

-- What is there already, while no outcome can be added.
lock table outcome in share row exclusive mode;
insert into outcome_day (salesman_id, day, succeeded, failed)
select salesman_id, (ended_at at time zone interval '9 hours')::date, count(*) filter (where succeeded), count(*) filter (where not succeeded)
from outcome group by 1, 2;
