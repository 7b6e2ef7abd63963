-- One row for each interest and consultation, with who is assigned: what `known_interest`,
-- `known_consultation` and `known_match` say of it. Triggers keep it, so that no statement and no
-- build before this one can forget to. A half is null until its event arrives.
create table engagement (
    kind            text        not null check (kind in ('interest', 'consultation')),
    id              uuid        not null,
    -- The series of an interest, or its edition while the series is unknown; the edition of a
    -- consultation.
    scope_id        uuid,
    customer_id     uuid,
    last_four       text,
    erased_at       timestamptz,
    -- Whether it is shown: not an interest that is off.
    counts          boolean     not null default false,
    step            text,
    desired_on      date,
    since           timestamptz,
    on_version      bigint      not null default 1,
    salesman_id     uuid,
    salesman_name   text,
    consultant_id   uuid,
    consultant_name text,
    origin_version  bigint      not null default 1,
    -- A match that answers an event before the one that last turned an interest on does not count.
    assigned_salesman   uuid generated always as
        (case when kind = 'consultation' or origin_version >= on_version then salesman_id end) stored,
    assigned_consultant uuid generated always as
        (case when kind = 'consultation' or origin_version >= on_version then consultant_id end) stored,
    primary key (kind, id)
);

create function keep_interest_engagement() returns trigger language plpgsql as $$
begin
    insert into engagement (kind, id, scope_id, customer_id, last_four, erased_at, counts, since, on_version)
    values ('interest', new.id, coalesce(new.series_id, new.project_id), new.customer_id, new.last_four, new.erased_at,
            new.interested, new.since, new.on_version)
    on conflict (kind, id) do update
        set scope_id = excluded.scope_id, customer_id = excluded.customer_id, last_four = excluded.last_four,
            erased_at = excluded.erased_at, counts = excluded.counts, since = excluded.since,
            on_version = excluded.on_version;
    return null;
end
$$;
create trigger keep_engagement after insert or update on known_interest
    for each row execute function keep_interest_engagement();

create function keep_consultation_engagement() returns trigger language plpgsql as $$
begin
    insert into engagement (kind, id, scope_id, customer_id, last_four, erased_at, counts, since, step, desired_on)
    values ('consultation', new.id, new.project_id, new.customer_id, new.last_four, new.erased_at, true, new.since,
            new.step, new.desired_on)
    on conflict (kind, id) do update
        set scope_id = excluded.scope_id, customer_id = excluded.customer_id, last_four = excluded.last_four,
            erased_at = excluded.erased_at, counts = true, since = excluded.since, step = excluded.step,
            desired_on = excluded.desired_on;
    return null;
end
$$;
create trigger keep_engagement after insert or update on known_consultation
    for each row execute function keep_consultation_engagement();

create function keep_match_engagement() returns trigger language plpgsql as $$
begin
    insert into engagement (kind, id, salesman_id, salesman_name, consultant_id, consultant_name, origin_version)
    values (new.origin_kind, new.origin_id, new.salesman_id, new.salesman_name, new.consultant_id, new.consultant_name,
            new.origin_version)
    on conflict (kind, id) do update
        set salesman_id = excluded.salesman_id, salesman_name = excluded.salesman_name,
            consultant_id = excluded.consultant_id, consultant_name = excluded.consultant_name,
            origin_version = excluded.origin_version;
    return null;
end
$$;
create trigger keep_engagement after insert or update on known_match
    for each row execute function keep_match_engagement();

-- How many there are of one edition or series by people and step. Nil and '' stand for none.
create table engagement_count (
    kind          text   not null,
    scope_id      uuid   not null,
    salesman_id   uuid   not null,
    consultant_id uuid   not null,
    step          text   not null,
    count         bigint not null,
    primary key (kind, scope_id, salesman_id, consultant_id, step)
);

-- At the end of a transaction, under one lock: its holder waits for nothing else, so that two
-- transactions with the same people cannot deadlock.
create function count_engagement() returns trigger language plpgsql as $$
begin
    if (old.counts, old.scope_id, old.assigned_salesman, old.assigned_consultant, old.step)
       is not distinct from (new.counts, new.scope_id, new.assigned_salesman, new.assigned_consultant, new.step) then
        return null;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || '/engagement-count', 2));
    insert into engagement_count as stored (kind, scope_id, salesman_id, consultant_id, step, count)
    select change.kind, change.scope_id,
           coalesce(change.salesman_id, '00000000-0000-0000-0000-000000000000'),
           coalesce(change.consultant_id, '00000000-0000-0000-0000-000000000000'), coalesce(change.step, ''), sum(by)
    from (values
        (old.kind, old.scope_id, old.assigned_salesman, old.assigned_consultant, old.step, old.counts, -1),
        (new.kind, new.scope_id, new.assigned_salesman, new.assigned_consultant, new.step, new.counts, 1)
    ) change (kind, scope_id, salesman_id, consultant_id, step, counts, by)
    where change.counts and change.scope_id is not null
    group by 1, 2, 3, 4, 5
    on conflict (kind, scope_id, salesman_id, consultant_id, step) do update set count = stored.count + excluded.count;
    delete from engagement_count
    where count = 0 and (kind, scope_id, salesman_id, consultant_id, step) in (
        (old.kind, old.scope_id, coalesce(old.assigned_salesman, '00000000-0000-0000-0000-000000000000'),
         coalesce(old.assigned_consultant, '00000000-0000-0000-0000-000000000000'), coalesce(old.step, '')));
    return null;
end
$$;
-- What is there already. Creating the triggers has locked the three tables against writes.
insert into engagement (kind, id, scope_id, customer_id, last_four, erased_at, counts, since, on_version)
select 'interest', id, coalesce(series_id, project_id), customer_id, last_four, erased_at, interested, since, on_version
from known_interest;
insert into engagement (kind, id, scope_id, customer_id, last_four, erased_at, counts, since, step, desired_on)
select 'consultation', id, project_id, customer_id, last_four, erased_at, true, since, step, desired_on
from known_consultation;
insert into engagement (kind, id, salesman_id, salesman_name, consultant_id, consultant_name, origin_version)
select origin_kind, origin_id, salesman_id, salesman_name, consultant_id, consultant_name, origin_version from known_match
on conflict (kind, id) do update
    set salesman_id = excluded.salesman_id, salesman_name = excluded.salesman_name,
        consultant_id = excluded.consultant_id, consultant_name = excluded.consultant_name,
        origin_version = excluded.origin_version;
insert into engagement_count (kind, scope_id, salesman_id, consultant_id, step, count)
select kind, scope_id, coalesce(assigned_salesman, '00000000-0000-0000-0000-000000000000'),
       coalesce(assigned_consultant, '00000000-0000-0000-0000-000000000000'), coalesce(step, ''), count(*)
from engagement where counts group by 1, 2, 3, 4, 5;
create constraint trigger count_engagement after insert or update or delete on engagement
    deferrable initially deferred for each row execute function count_engagement();
