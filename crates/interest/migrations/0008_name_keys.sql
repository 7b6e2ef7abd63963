-- Keys of names in the form in which typed texts are compared: NFKC without invisible characters,
-- so that 2026 finds a stored ２０２６. Of the Hangul letters that NFKC would change, names contain
-- only the middle dot.
update known_project
set name_key = changed.name_key
from (
    select id,
           lower(regexp_replace(
               replace(normalize(replace(name, 'ㆍ', chr(57344)), nfkc), chr(57344), 'ㆍ'),
               '[\s\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]+', '', 'g')) as name_key
    from known_project
) changed
where changed.id = known_project.id and changed.name_key <> known_project.name_key;
