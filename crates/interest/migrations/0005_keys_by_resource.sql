-- An erasure looks up the keys of the writes that created the customer's interests.
create index idempotency_key_resource on idempotency_key (resource);
