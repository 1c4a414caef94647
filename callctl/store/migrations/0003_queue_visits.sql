-- A call may be sent on from one queue to the next: each visit is kept.

alter table call add column queues jsonb not null default '[]';
comment on column call.queues is 'Queues, in order: [{queue, at, left, why}]; why (closed, full, unstaffed, waited, exit_key, again) is null where the caller was not sent on; at = left: not taken.';
comment on column call.queued is 'When the caller began to wait; kept where one queue sends on to the next.';

-- Who talked with a caller last is read at each start.
create index call_answered on call (ended) where agent is not null;
