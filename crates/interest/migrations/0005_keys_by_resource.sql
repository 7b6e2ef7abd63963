-- Whoever forgets a customer looks for the keys of the writes that made his interests.
create index idempotency_key_resource on idempotency_key (resource);
