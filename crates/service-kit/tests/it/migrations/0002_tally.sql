-- The policy of the test service inserts a row for each created project.
create table tally (
    id           bigint generated always as identity primary key,
    aggregate_id uuid   not null,
    version      bigint not null
);

-- While there is a row for an aggregate, the policy asks to be tried again.
create table obstacle (
    aggregate_id uuid   primary key,
    tries_left   bigint not null
);
