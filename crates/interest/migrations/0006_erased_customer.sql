-- Tombstones of erased customers, so that late events cannot bring their data back.
alter table forgotten rename to erased_customer;
alter index forgotten_pkey rename to erased_customer_pkey;
