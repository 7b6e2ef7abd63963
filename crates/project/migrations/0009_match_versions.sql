-- Whether a match is older than the interest's last change is decided by versions, not by the
-- clocks of two services. `on_version` is the version of the event that last turned the interest
-- on; `origin_version` the version that the match answers.
alter table known_interest add column on_version bigint not null default 1;
alter table known_match add column origin_version bigint;

-- Every event of an interest turns it on or off, so the last one turned those on that are on.
update known_interest interest set on_version = progress.version
from progress
where progress.aggregatetype = 'interest' and progress.aggregateid = interest.id
  and interest.interested;

-- What the times said so far.
update known_match matched set origin_version = 0
from known_interest interest
where matched.origin_kind = 'interest' and matched.origin_id = interest.id
  and matched.matched_at <= interest.since - interval '5 seconds';
-- All others counted: they answer the interest as it is now, and not as it will be turned on again.
update known_match matched
set origin_version = coalesce((select on_version from known_interest interest
                               where matched.origin_kind = 'interest' and interest.id = matched.origin_id), 1)
where origin_version is null;
alter table known_match alter column origin_version set not null;

-- The build before names no version: its match answers the interest as it is then, and a
-- consultation as it was created.
create function complete_match() returns trigger language plpgsql as $$
begin
    new.origin_version := coalesce((select on_version from known_interest
                                    where new.origin_kind = 'interest' and id = new.origin_id), 1);
    return new;
end
$$;
create trigger complete_match before insert on known_match
    for each row when (new.origin_version is null) execute function complete_match();
