-- The customers of an edition, newest first: of everybody, of a salesman, of a consultant.
create index engagement_of_scope on engagement (kind, scope_id, since desc, id desc) where counts;
create index engagement_of_salesman on engagement (kind, scope_id, assigned_salesman, since desc, id desc) where counts;
create index engagement_of_consultant on engagement (kind, scope_id, assigned_consultant, since desc, id desc) where counts;
create index engagement_of_customer on engagement (customer_id) where counts;
