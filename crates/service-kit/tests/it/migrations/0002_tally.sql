-- What the tests' service does whenever a project is created: one row for each time its policy ran to the end.
create table tally (
    id           bigint generated always as identity primary key,
    aggregate_id uuid   not null,
    version      bigint not null
);

-- While there is a row for an aggregate, its policy asks to be tried again: each try takes one away, in a transaction of its own.
create table obstacle (
    aggregate_id uuid   primary key,
    tries_left   bigint not null
);
