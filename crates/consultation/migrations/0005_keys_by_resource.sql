-- Whoever forgets a customer looks for the keys of the writes that made his consultations and notes.
create index idempotency_key_resource on idempotency_key (resource);
