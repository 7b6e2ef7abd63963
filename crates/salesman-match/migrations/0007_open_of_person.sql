-- The open matches of a person, newest first: the list that staff see before a hand-over, and
-- capacity as before.
create index salesman_match_open_of_salesman on salesman_match (salesman_id, id desc) where closed_at is null;
create index salesman_match_open_of_consultant on salesman_match (consultant_id, id desc) where closed_at is null;
drop index salesman_match_open_salesman;
drop index salesman_match_open_consultant;
