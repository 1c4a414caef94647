-- Every statement of the store. `callctl/store/queries.py` reads this file; values are always parameters.

-- name: version
-- The server's version as a number: 140000 is 14.0.
select current_setting('server_version_num')::int

-- name: try_lock
-- A session's advisory lock: held until unlocked or the connection ends, however it ends.
select pg_try_advisory_lock($1)

-- name: lock
-- As `try_lock`, but waits.
select pg_advisory_lock($1)

-- name: unlock
select pg_advisory_unlock($1)

-- name: has_applied_table
select to_regclass('migration') is not null

-- name: make_applied_table
create table if not exists migration (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied timestamptz not null default now()
);
comment on table migration is 'Migrations that this database has.';
comment on column migration.number is 'Its number; they are applied in order.';
comment on column migration.name is 'Its file''s name.';
comment on column migration.checksum is 'SHA-256 of its file: an applied migration never changes.';
comment on column migration.applied is 'When it was applied.';

-- name: applied
select number, name, checksum from migration order by number

-- name: mark_applied
insert into migration (number, name, checksum) values ($1, $2, $3)

-- name: current_epoch
-- The epoch that writes, or last wrote.
select id, holder, began, beat from epoch where ended is null

-- name: end_epochs
update epoch set ended = now() where ended is null

-- name: begin_epoch
insert into epoch (holder, code, policy_sha, seed) values ($1, $2, $3, $4) returning id

-- name: hold_epoch
-- Locks our epoch's row: a transaction of ours that was cut off and still runs has ended after this.
select last_seq, ended is null as current from epoch where id = $1 and seed = $2 for update

-- name: beat_epoch
update epoch set beat = clock_timestamp(), last_seq = greatest(last_seq, $2) where id = $1

-- name: upsert_live
-- The rows as they are after the batch; within one batch an id comes once.
insert into live (kind, id, epoch, seq, body)
select r.kind, r.id, $1, r.seq, r.body::jsonb
from unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) as r (kind, id, seq, body)
on conflict (kind, id) do update set epoch = excluded.epoch, seq = excluded.seq, body = excluded.body

-- name: delete_live
delete from live using unnest($1::text[], $2::text[]) as r (kind, id)
where live.kind = r.kind and live.id = r.id

-- name: load_live
select kind, id, epoch, seq, body from live order by kind, id

-- name: set_aside
-- A row that cannot be read leaves `live`, so that the next start does not stumble over it again.
with gone as (delete from live where kind = $1 and id = $2 returning kind, id, epoch, seq, body)
insert into live_aside (kind, id, epoch, seq, body, why)
select kind, id, epoch, seq, body, $3 from gone

-- name: upsert_call
-- Call records from a JSON array of objects. An older epoch's late record never overwrites a newer one's.
insert into call (
    id, node, epoch, trunk, phone, caller, caller_kind, caller_name, dialled, diverted_from, feature,
    entered, answered_by_pbx, menus, queue, queued, rings, agent, connected,
    ended, ended_by, outcome, cause, sip, wrap_up_ended
)
select
    id, node, $1, trunk, phone, caller, caller_kind, caller_name, dialled, diverted_from, feature,
    entered, answered_by_pbx, menus, queue, queued, rings, agent, connected,
    ended, ended_by, outcome, cause, sip, wrap_up_ended
from jsonb_to_recordset($2::jsonb) as r (
    id text, node text, trunk text, phone text, caller text, caller_kind text, caller_name text,
    dialled text, diverted_from text, feature text, entered timestamptz, answered_by_pbx timestamptz,
    menus jsonb, queue text, queued timestamptz, rings jsonb, agent text, connected timestamptz,
    ended timestamptz, ended_by text, outcome text, cause integer, sip integer, wrap_up_ended timestamptz
)
on conflict (id) do update set
    node = excluded.node, epoch = excluded.epoch, trunk = excluded.trunk, phone = excluded.phone,
    caller = excluded.caller, caller_kind = excluded.caller_kind, caller_name = excluded.caller_name,
    dialled = excluded.dialled, diverted_from = excluded.diverted_from, feature = excluded.feature,
    entered = excluded.entered, answered_by_pbx = excluded.answered_by_pbx, menus = excluded.menus,
    queue = excluded.queue, queued = excluded.queued, rings = excluded.rings, agent = excluded.agent,
    connected = excluded.connected, ended = excluded.ended, ended_by = excluded.ended_by,
    outcome = excluded.outcome, cause = excluded.cause, sip = excluded.sip,
    wrap_up_ended = excluded.wrap_up_ended
where call.epoch <= excluded.epoch

-- name: insert_event
-- One event; batches are copied in, this is for a batch that the server refused as a whole.
insert into call_event (at, call, epoch, seq, n, kind, body) values ($1, $2, $3, $4, $5, $6, $7::jsonb)

-- name: event_partitions
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'call_event'::regclass

-- name: recent_calls
-- The newest call records; $2, $3: only of this queue, this agent.
select * from call
where ($2::text is null or queue = $2) and ($3::text is null or agent = $3)
order by entered desc, id desc limit $1

-- name: one_call
select * from call where id = $1

-- name: call_events
select at, call, epoch, seq, n, kind, body from call_event
where call = $1 order by epoch, seq, n limit $2
