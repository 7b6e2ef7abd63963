-- The list of open matches, newest first.
create index salesman_match_open on salesman_match (id desc) where closed_at is null;
