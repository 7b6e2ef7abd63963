-- All keys of the names that a project has had, under a name that says so.
alter table known_project rename column names_told to name_keys;
