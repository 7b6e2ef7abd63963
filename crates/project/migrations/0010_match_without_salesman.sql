-- A match whose salesman left waits for another.
alter table known_match
    alter column salesman_id drop not null,
    alter column salesman_name drop not null;
