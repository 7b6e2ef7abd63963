-- Which list an imported edition was read from: `source_name` is whose ids those are, and two lists share the ids of 기업마당. Empty where its
-- link led elsewhere when it was imported: then nobody knows whose it is.
alter table project add column source_list text;
update project set source_list = source_name
    where (source_name = 'bizinfo' and link ~* '^https?://([^/?#@]*[.])?bizinfo[.]go[.]kr(:[0-9]+)?([/?#]|$)') or source_name = 'kstartup';

-- What is computed by older rules is looked for before a series is recognised.
create index project_computed_by on project (computed_by);

-- What lists and the visit card show most.
create index project_not_ended on project (ends_on, id) where status <> 'ended';

alter table import
    -- How many rows there are of each kind, counted when the plan is made and when it is carried out: `of` by action and outcome, `warnings`.
    add column counts        jsonb   not null default '{"of": [], "warnings": 0}',
    -- What its rows say is kept for a while after they were carried out.
    add column keeps_content boolean not null default true;
create index import_content on import (finished_at) where state = 'committed' and keeps_content;

alter table import_row
    -- What may be wrong with it, although it can be imported.
    add column warnings    jsonb not null default '[]',
    -- The expected edition that it could fill when the plan was made, whether or not staff said that it is another one.
    add column expected_id uuid;
update import_row set expected_id = project_id where action = 'fills-planned';
create index import_row_expected on import_row (import_id, expected_id) where expected_id is not null;

update import set counts = jsonb_build_object('warnings', 0, 'of', counted.of)
from (
    select import_id, jsonb_agg(jsonb_build_object('action', action, 'outcome', outcome, 'rows', rows)) as of
    from (select import_id, action, outcome, count(*) as rows from import_row group by import_id, action, outcome) by_kind
    group by import_id
) counted
where counted.import_id = import.id;
