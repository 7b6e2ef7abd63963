-- An interest belongs to its series. `project_id` is the edition that was marked, `project_name` its name, or what the page called it while
-- nobody had told it; which edition is shown follows from `known_project` whenever it is read, so that no order of events can leave an old
-- one standing.
-- `updated_at` is when something last happened on it; a copy that was completed is nothing that happened.
alter table interest
    -- Who vouches that the customer agreed, where a colleague entered it.
    add column consent_role text,
    add column consent_by   uuid,
    add column consent_at   timestamptz,
    -- The older interest of the same customer in the same series: this one is off for good, and unique by its own id.
    add column merged_into  uuid references interest;

drop index interest_of_project;
create index interest_of_project on interest (project_id);
create index interest_of_series on interest (series_id, id desc);
create index interest_merged_into on interest (merged_into) where merged_into is not null;
create index interest_by_activity on interest (updated_at, id) where interested and salesman_id is not null;

-- What was kept before this knew less: the next event of the edition fills it in.
alter table known_project
    add column name_key text    not null default '',
    add column year     integer not null default 0,
    add column category text    not null default '기타',
    add column agency   text    not null default '',
    add column period   jsonb   not null default '{"kind": "missing", "text": ""}',
    -- The period's last day, by which reminders go.
    add column ends_on  date;

-- The name as names are compared: without white space, in lower case.
update known_project set name_key = lower(regexp_replace(name, '\s+', '', 'g'));

create index known_project_newest on known_project (series_id, (status = 'ended'), year desc, id desc);
create index known_project_by_name on known_project (name_key) where status <> 'ended';
create index known_project_by_deadline on known_project (ends_on) where status = 'ongoing';

-- What this service shows of salesmen and consultants: a copy, kept by KeepSalesmen.
create table known_salesman (
    id           uuid primary key,
    display_name text not null
);

-- When something last happened on a consultation of the customer: whichever event comes last, the latest stays.
create table customer_activity (
    customer_id uuid        primary key,
    last_at     timestamptz not null
);

-- Who was shown the full number of which customer, when, and what for.
create table disclosure (
    id          uuid        primary key,
    role        text        not null,
    viewer_id   uuid        not null,
    customer_id uuid        not null,
    interest_id uuid        not null,
    why         text,
    at          timestamptz not null
);
create index disclosure_of_customer on disclosure (customer_id, at desc);

-- What a customer was told about the programmes he marked.
create table notification (
    id                uuid        primary key,
    customer_id       uuid        not null,
    kind              text        not null
        check (kind in ('new_edition', 'started', 'edited', 'ended', 'deadline_d7', 'deadline_d1')),
    -- The event that caused it; none for a reminder, which the clock causes.
    event_id          uuid,
    series_id         uuid        not null,
    project_id        uuid        not null,
    -- Its name at that moment.
    project_name      text        not null,
    -- Which fields changed, as the event named them.
    changed           text[]      not null default '{}',
    -- The last day at that moment, and the one before where it moved.
    deadline          date,
    deadline_moved    boolean     not null default false,
    previous_deadline date,
    created_at        timestamptz not null,
    read_at           timestamptz,
    unique (customer_id, event_id)
);
create unique index notification_reminder on notification (customer_id, project_id, kind) where event_id is null;
create index notification_of_customer on notification (customer_id, id desc);
create index notification_unread on notification (customer_id) where read_at is null;
