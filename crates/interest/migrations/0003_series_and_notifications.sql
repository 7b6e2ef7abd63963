-- An interest belongs to a series. `project_id` is the edition that was marked, `project_name` the
-- name from the request while the project is unknown. The shown edition is looked up in
-- `known_project` on every read, so that no order of events can leave an old one.
-- `updated_at` is the time of the last activity; filling in details is no activity.
alter table interest
    alter column project_name drop not null,
    -- When the interest was last turned on, and the version of that event. Earlier events cause no
    -- notification, and earlier matches are ignored.
    add column on_since     timestamptz,
    add column on_version   bigint      not null default 1,
    -- Present if staff or a salesman recorded the consent of the customer.
    add column consent_role text,
    add column consent_by   uuid,
    add column consent_at   timestamptz,
    -- The older interest of the same customer in the same series. A merged interest is off
    -- permanently, and its `subject_id` is its own id.
    add column merged_into  uuid references interest;

-- An interest with more than one event was last turned on at `updated_at` or before.
update interest set on_since = case when version = 1 then created_at else updated_at end;
alter table interest alter column on_since set not null;

drop index interest_of_project;
create index interest_of_project on interest (project_id);
create index interest_of_series on interest (series_id, id);
create index interest_merged_into on interest (merged_into) where merged_into is not null;

-- Existing rows are completed by the next event of the edition.
alter table known_project
    add column name_key text    not null default '',
    add column year     integer not null default 0,
    add column category text    not null default '기타',
    add column agency   text    not null default '',
    add column period   jsonb   not null default '{"kind": "missing", "text": ""}',
    -- The last day of the period, used by reminders.
    add column ends_on  date;

-- The normalized name: without white space, in lower case.
update known_project set name_key = lower(regexp_replace(name, '\s+', '', 'g'));

create index known_project_newest on known_project (series_id, (status = 'ended'), year desc, id desc);
create index known_project_by_name on known_project (name_key) where status <> 'ended';
create index known_project_by_deadline on known_project (ends_on) where status = 'ongoing';

-- Projection of salesmen and consultants, written by KeepSalesmen.
create table known_salesman (
    id           uuid primary key,
    display_name text not null
);

-- Every customer of a consumed or published event. A transaction that changes data of a customer
-- locks this row before any other row of the customer.
create table customer (
    id        uuid primary key,
    last_four text not null
);
insert into customer (id, last_four) select distinct on (customer_id) customer_id, right(phone, 4) from interest order by customer_id, id;

-- Projection of consultations, written by KeepActivity and EditSalesman, for unattended customers.
create table known_consultation (
    id              uuid        primary key,
    customer_id     uuid        not null references customer,
    is_open         boolean     not null default true,
    salesman_id     uuid,
    salesman_name   text,
    consultant_id   uuid,
    consultant_name text,
    -- The time of the latest event, in whichever order events are consumed.
    updated_at      timestamptz not null
);
create index known_consultation_of_customer on known_consultation (customer_id);

-- Who serves which customer, and the time of the last activity. Recomputed from the tables above
-- whenever one of the customer's rows changes, so that a page of unattended customers reads only
-- the rows that it shows.
create table served (
    customer_id      uuid        not null references customer,
    role             text        not null check (role in ('salesman', 'consultant')),
    person_id        uuid        not null,
    -- The name from the match.
    person_name      text        not null,
    interests        uuid[]      not null,
    consultations    uuid[]      not null,
    last_activity_at timestamptz not null,
    primary key (customer_id, role, person_id)
);
create index served_by_person on served (role, person_id, last_activity_at, customer_id);
create index served_by_salesmen on served (last_activity_at, customer_id, person_id) where role = 'salesman';
insert into served
select customer_id, role, person_id, max(person_name), array_agg(id order by id), '{}', max(updated_at)
from interest cross join lateral (values ('salesman', salesman_id, salesman_name), ('consultant', consultant_id, consultant_name))
    as person (role, person_id, person_name)
where interested and person_id is not null
group by customer_id, role, person_id;

-- Who was shown the whole phone number of which customer, when, and why.
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

-- Events about programmes, so that an interest that gets its series later is notified of events
-- since it is on.
create table news (
    event_id          uuid        primary key,
    kind              text        not null check (kind in ('new_edition', 'started', 'edited', 'ended')),
    series_id         uuid        not null,
    project_id        uuid        not null,
    -- The name at that time.
    project_name      text        not null,
    -- The changed fields, under their names in the event.
    changed           text[]      not null,
    -- The last day at that time, and the previous one if it moved.
    deadline          date,
    deadline_moved    boolean     not null,
    previous_deadline date,
    at                timestamptz not null
);
create index news_of_series on news (series_id, at);

-- Notifications of a customer about marked programmes.
create table notification (
    id                uuid        primary key,
    customer_id       uuid        not null,
    kind              text        not null
        check (kind in ('new_edition', 'started', 'edited', 'ended', 'deadline_d7', 'deadline_d1')),
    -- The event that caused it; null for a reminder.
    event_id          uuid,
    series_id         uuid        not null,
    project_id        uuid        not null,
    project_name      text        not null,
    changed           text[]      not null default '{}',
    deadline          date,
    deadline_moved    boolean     not null default false,
    previous_deadline date,
    created_at        timestamptz not null,
    read_at           timestamptz,
    unique (customer_id, event_id)
);
create unique index notification_reminder on notification (customer_id, project_id, kind) where event_id is null;
create index notification_of_customer on notification (customer_id, id desc);
create index notification_unread on notification (customer_id, id desc) where read_at is null;
