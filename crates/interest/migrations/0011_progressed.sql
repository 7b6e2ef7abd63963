-- Notifications that a colleague moved a consultation of the customer to another step: the kind
-- progressed, with that step. `people` has the salesman of that moment.
alter table notification
    drop constraint notification_kind_check,
    add column step text;
alter table notification
    add constraint notification_kind_check
        check (kind in ('new_edition', 'started', 'edited', 'ended', 'deadline_d7', 'deadline_d1', 'rematching', 'rematched', 'progressed'))
        not valid;
