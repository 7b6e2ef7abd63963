-- When a consultation was approved and when it was closed, for lists: the timeline has them too,
-- one consultation at a time.
alter table consultation
    add column approved_at timestamptz,
    add column closed_at   timestamptz;
update consultation
set approved_at = reached.approved_at,
    closed_at = case when step in ('succeeded', 'failed', 'cancelled') then coalesce(reached.closed_at, updated_at) end
from (
    select consultation.id,
           max(timeline.at) filter (where what ->> 'to' = 'approved') as approved_at,
           max(timeline.at) filter (where what ->> 'to' in ('succeeded', 'failed', 'cancelled')) as closed_at
    from consultation left join timeline on timeline.consultation_id = consultation.id and what ->> 'kind' = 'progressed'
    where step <> 'apply'
    group by consultation.id
) reached
where reached.id = consultation.id;

-- Triggers keep them and the counts, so that no statement and no build before this one can forget
-- to. `updated_at` is the time of the change.
create function set_step_times() returns trigger language plpgsql as $$
begin
    if new.step = 'approved' and old.step is distinct from new.step then
        new.approved_at := new.updated_at;
    elsif new.step in ('succeeded', 'failed', 'cancelled') and old.step is distinct from new.step then
        new.closed_at := new.updated_at;
    end if;
    return new;
end
$$;
create trigger set_step_times before insert or update of step on consultation
    for each row execute function set_step_times();

-- How many consultations stand at each step: of all customers (the nil id), and of each salesman
-- and consultant, who do not see those of erased customers. Without a row there is none.
create table consultation_count (
    person uuid   not null,
    step   text   not null,
    count  bigint not null,
    primary key (person, step)
);

-- It runs at the end of a transaction, under one lock: its holder waits for nothing else, so that
-- two transactions with the same people cannot deadlock.
create function count_consultation() returns trigger language plpgsql as $$
declare
    everybody constant uuid := '00000000-0000-0000-0000-000000000000';
begin
    if (old.step, old.erased_at, old.salesman_id, old.consultant_id)
       is not distinct from (new.step, new.erased_at, new.salesman_id, new.consultant_id) then
        return null;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || '/consultation_count', 2));
    insert into consultation_count as stored (person, step, count)
    select place.person, place.step, sum(place.change)
    from (values
        (everybody, old.step, -1, null::timestamptz),
        (old.salesman_id, old.step, -1, old.erased_at), (old.consultant_id, old.step, -1, old.erased_at),
        (everybody, new.step, 1, null),
        (new.salesman_id, new.step, 1, new.erased_at), (new.consultant_id, new.step, 1, new.erased_at)
    ) place (person, step, change, erased_at)
    where place.person is not null and place.step is not null and place.erased_at is null
    group by place.person, place.step having sum(place.change) <> 0
    on conflict (person, step) do update set count = stored.count + excluded.count;
    delete from consultation_count
    where person in (everybody, old.salesman_id, old.consultant_id, new.salesman_id, new.consultant_id) and count = 0;
    return null;
end
$$;
create constraint trigger count_consultation after insert or update or delete on consultation
    deferrable initially deferred for each row execute function count_consultation();

-- What is there already. Creating the triggers has locked the table against writes.
insert into consultation_count (person, step, count)
select person, step, count(*)
from consultation cross join lateral (values
    ('00000000-0000-0000-0000-000000000000'::uuid, true),
    (salesman_id, erased_at is null), (consultant_id, erased_at is null)
) counted (person, is_counted)
where person is not null and is_counted
group by person, step;
