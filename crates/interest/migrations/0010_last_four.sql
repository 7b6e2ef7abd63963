-- A customer is found by the last four digits of the number.
create index interest_of_last_four on interest (right(phone, 4), id desc);
create index customer_of_last_four on customer (last_four);
