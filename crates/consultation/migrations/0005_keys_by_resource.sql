-- Erasure finds the idempotency keys of the requests that created the customer's consultations
-- and notes.
create index idempotency_key_resource on idempotency_key (resource);
