-- The list that an imported edition was read from. `source_name` is the portal that assigned the
-- id, and two lists share the ids of 기업마당. Null if its link led to another site: then the list is
-- unknown.
alter table project add column source_list text;
update project set source_list = source_name
    where (source_name = 'bizinfo' and link ~* '^https?://([^/?#@]*[.])?bizinfo[.]go[.]kr(:[0-9]+)?([/?#]|$)') or source_name = 'kstartup';

-- Finds rows of older rules, which are recomputed before a series is recognized.
create index project_computed_by on project (computed_by);

-- For most lists and the visit card.
create index project_not_ended on project (ends_on, id) where status <> 'ended';

alter table import
    -- The number of rows: `of` by action and outcome, `warnings`. Updated with the plan and while
    -- it is carried out.
    add column counts        jsonb   not null default '{"of": [], "warnings": 0}',
    -- Whether the content of its rows is still stored.
    add column keeps_content boolean not null default true;
create index import_content on import (finished_at) where state = 'committed' and keeps_content;

alter table import_row
    -- Possible mistakes that do not prevent the import.
    add column warnings    jsonb not null default '[]',
    -- The expected edition that it could fill according to the plan, even if staff decided that it
    -- is another one.
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
