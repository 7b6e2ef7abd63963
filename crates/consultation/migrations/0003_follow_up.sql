-- Who recorded the customer's consent, and when, if a colleague entered the consultation on
-- behalf of the customer; null if the customer requested it.
alter table consultation
    add column consent_role text check (consent_role in ('staff', 'salesman')),
    add column consent_by   uuid,
    add column consent_at   timestamptz,
    add check (num_nulls(consent_role, consent_by, consent_at) in (0, 3));
comment on column consultation.project_name is
    'As it was asked for: the name the page sent, or where it sent none, the one this service was told. What is shown is known_project''s.';

-- The orders and filters of the list, each with its cursor.
drop index consultation_of_project;
create index consultation_of_project on consultation (project_id, id desc);
create index consultation_at_step on consultation (step, id desc);
create index consultation_of_customer_by_date on consultation (customer_id, desired_on, id);
create index consultation_of_salesman_by_date on consultation (salesman_id, desired_on, id);
create index consultation_of_consultant_by_date on consultation (consultant_id, desired_on, id);
create index consultation_of_project_by_date on consultation (project_id, desired_on, id);
create index consultation_at_step_by_date on consultation (step, desired_on, id);
create index consultation_by_date on consultation (desired_on, id);

-- Names are compared by their key: without white space, in lower case. `names_told` are the keys
-- of all names that a project ever had. The name that was sent is compared with all of them, so
-- that a renamed project is still recognised. Year, agency and period are null in rows that are
-- older than this migration, until the project's next event.
alter table known_project
    add column name_key   text   not null default '',
    add column names_told text[] not null default '{}',
    add column year       integer,
    add column agency     text,
    add column period     jsonb;
update known_project set name_key = lower(regexp_replace(name, '\s+', '', 'g'));
update known_project set names_told = array[name_key];
-- A hash index has no maximum length of values, and names are only compared for equality.
create index known_project_of_name on known_project using hash (name_key);

-- Projection of the display names of salesmen and consultants. The policy KeepSalesmen updates it.
create table known_salesman (
    id           uuid primary key,
    display_name text not null
);

-- The timeline, written in the transaction of each change. Entries of matches have the event's
-- id and time, so that the same events make the same rows whenever they are consumed.
create table timeline (
    id              uuid        primary key,
    consultation_id uuid        not null references consultation (id),
    at              timestamptz not null,
    actor           jsonb       not null,
    version         bigint      not null,
    what            jsonb       not null
);
create index timeline_of_consultation on timeline (consultation_id, at, id);

-- Entries for changes before this migration. Matches are events of another service, and the
-- reasons of earlier steps were not stored.
insert into timeline (id, consultation_id, at, actor, version, what)
select id, aggregateid, recorded_at, payload -> 'actor', version,
       case type
           when 'ktgg.ConsultationCreated.v1' then jsonb_build_object('kind', 'requested', 'desiredDate', payload -> 'desiredOn')
           when 'ktgg.ConsultationEdited.v1' then jsonb_build_object(
               'kind', 'edited', 'dateFrom', before, 'dateTo', payload -> 'desiredOn', 'memoChanged', payload -> 'memoChanged')
           else jsonb_build_object('kind', 'progressed', 'from', payload -> 'from', 'to', payload -> 'to', 'reason', null)
       end
from (select *, lag(payload -> 'desiredOn') over (partition by aggregateid order by version) as before from event_log) told
where aggregatetype = 'consultation';

-- Notes that colleagues write for each other. In no event and no log, and not visible for
-- customers.
create table note (
    id              uuid        primary key,
    consultation_id uuid        not null references consultation (id),
    at              timestamptz not null,
    actor           jsonb       not null,
    text            text        not null check (char_length(text) between 1 and 2000)
);
create index note_of_consultation on note (consultation_id, at, id);

-- Disclosures of a customer's whole phone number. The customer can read them.
create table disclosure (
    id              uuid        primary key,
    consultation_id uuid        not null references consultation (id),
    customer_id     uuid        not null,
    role            text        not null check (role in ('staff', 'salesman', 'consultant')),
    viewer_id       uuid        not null,
    why             text        check (char_length(why) <= 200),
    at              timestamptz not null
);
create index disclosure_of_customer on disclosure (customer_id, at desc);
