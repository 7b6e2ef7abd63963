-- Notifications about the people of an interest or a consultation: the kinds rematching and
-- rematched. Their project can be unknown. `people` has a salesman and a consultant, each null or
-- with id and displayName.
alter table notification
    drop constraint notification_kind_check,
    alter column series_id drop not null,
    alter column project_name drop not null,
    add column origin_kind text,
    add column origin_id   uuid,
    add column people      jsonb;
alter table notification
    add constraint notification_kind_check
        check (kind in ('new_edition', 'started', 'edited', 'ended', 'deadline_d7', 'deadline_d1', 'rematching', 'rematched'))
        not valid,
    add constraint notification_of_edition
        check (origin_id is not null or (series_id is not null and project_name is not null)) not valid;
create index notification_of_origin on notification (origin_id) where kind = 'rematching';
