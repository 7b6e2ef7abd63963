-- What is due: the open consultations by desired date, of everybody and of a person. Few of all
-- consultations are open.
create index consultation_open_by_date on consultation (desired_on, id) where step in ('apply', 'approved');
create index consultation_open_of_salesman on consultation (salesman_id, desired_on, id) where step in ('apply', 'approved');
create index consultation_open_of_consultant on consultation (consultant_id, desired_on, id) where step in ('apply', 'approved');
-- What was closed, latest first.
create index consultation_closed on consultation (closed_at desc, id desc) where closed_at is not null;
create index consultation_closed_of_salesman on consultation (salesman_id, closed_at desc, id desc) where closed_at is not null;
create index consultation_closed_of_consultant on consultation (consultant_id, closed_at desc, id desc) where closed_at is not null;
-- A customer is found by the last four digits of the number.
create index consultation_of_last_four on consultation (right(phone, 4), id desc);
