-- Whether the open matches of a person go to others when the leave begins.
alter table known_salesman add column hand_over boolean not null default false;
