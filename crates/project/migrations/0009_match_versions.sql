-- Whether a match is older than the interest's last change is decided by versions, not by the
-- clocks of two services. `on_version` is the version of the event that last turned the interest
-- on; `origin_version` the version that the match answers. It is null in rows of the build before,
-- whose matches count.
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
