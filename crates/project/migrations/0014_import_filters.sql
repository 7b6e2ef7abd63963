-- The filters of the rows of an import: a row in a hundred may be the one that staff look for.
create index import_row_of_action on import_row (import_id, action, number);
create index import_row_warned on import_row (import_id, number) where warnings <> '[]';
