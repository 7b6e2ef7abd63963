-- The list of a salesman's or a consultant's consultations at one step, newest first: few of them
-- are open, and the others are not read to find these.
create index consultation_of_salesman_at_step on consultation (salesman_id, step, id desc);
create index consultation_of_consultant_at_step on consultation (consultant_id, step, id desc);
