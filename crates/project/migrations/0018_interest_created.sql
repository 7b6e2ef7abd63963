-- When an interest was created, unlike `since`, which moves when it is turned on again. For those
-- of before, an interest that was turned on again has the time in its id, a UUIDv7: milliseconds
-- since 1970 in its first 48 bits.
alter table known_interest add column created_at timestamptz;
alter table known_interest disable trigger keep_engagement;
update known_interest set created_at = case
    when on_version > 1 and substr(id::text, 15, 1) = '7'
    then to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)
    else since end;
alter table known_interest enable trigger keep_engagement;
alter table known_interest alter column created_at set not null;

-- The build before names no time: its first row is that of the creation.
create function complete_interest() returns trigger language plpgsql as $$
begin
    new.created_at := new.since;
    return new;
end
$$;
create trigger complete_interest before insert on known_interest
    for each row when (new.created_at is null) execute function complete_interest();

-- What began within a time, for the funnel.
create index known_interest_created on known_interest (created_at);
create index known_consultation_since on known_consultation (since) include (step);
