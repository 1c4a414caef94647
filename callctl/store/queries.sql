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
select ended is null as current from epoch where id = $1 and seed = $2 for update

-- name: store_unit
-- A unit, or a piece of one ($4 false: the rest is still to come), in one statement: one request, one transaction.
-- Nothing is written, and no row comes back, when the epoch is not of this database, or has ended ($5: may have), or
-- when `last_seq` rose between this statement's look at the tables and its lock: the rows of a transaction of ours that
-- was cut off and still ran are then not all seen. What is stored already is passed over. $6 to $9: live rows as they
-- are after the unit; $10, $11: live rows that go; $12: call records, of which an older epoch's never overwrites a newer
-- one's; $13 to $18: events.
with seen as materialized (
    select last_seq from epoch where id = $1 and seed = $2
), fence as (
    update epoch set
        beat = clock_timestamp(),
        last_seq = case when $4::boolean then greatest(epoch.last_seq, $3::bigint) else epoch.last_seq end
    from seen
    where epoch.id = $1 and epoch.last_seq = seen.last_seq and (epoch.ended is null or $5::boolean)
    returning seen.last_seq as stored
), fresh as (
    select stored from fence where stored < $3
), live_put as (
    insert into live (kind, id, epoch, seq, body)
    select r.kind, r.id, $1, r.seq, r.body::jsonb
    from fresh, unnest($6::text[], $7::text[], $8::bigint[], $9::text[]) as r (kind, id, seq, body)
    on conflict (kind, id) do update set epoch = excluded.epoch, seq = excluded.seq, body = excluded.body
), live_gone as (
    delete from live using fresh, unnest($10::text[], $11::text[]) as r (kind, id)
    where live.kind = r.kind and live.id = r.id
), records as (
    insert into call (
        id, node, epoch, trunk, phone, caller, caller_kind, caller_name, dialled, diverted_from, feature,
        entered, answered_by_pbx, menus, queue, queued, queues, rings, agent, connected,
        ended, ended_by, outcome, cause, sip, wrap_up_ended
    )
    select
        id, node, $1, trunk, phone, caller, caller_kind, caller_name, dialled, diverted_from, feature,
        entered, answered_by_pbx, menus, queue, queued, coalesce(queues, '[]'), rings, agent, connected,
        ended, ended_by, outcome, cause, sip, wrap_up_ended
    from fresh, jsonb_to_recordset($12::jsonb) as r (
        id text, node text, trunk text, phone text, caller text, caller_kind text, caller_name text,
        dialled text, diverted_from text, feature text, entered timestamptz, answered_by_pbx timestamptz,
        menus jsonb, queue text, queued timestamptz, queues jsonb, rings jsonb, agent text,
        connected timestamptz, ended timestamptz, ended_by text, outcome text, cause integer, sip integer, wrap_up_ended timestamptz
    )
    on conflict (id) do update set
        node = excluded.node, epoch = excluded.epoch, trunk = excluded.trunk, phone = excluded.phone,
        caller = excluded.caller, caller_kind = excluded.caller_kind, caller_name = excluded.caller_name,
        dialled = excluded.dialled, diverted_from = excluded.diverted_from, feature = excluded.feature,
        entered = excluded.entered, answered_by_pbx = excluded.answered_by_pbx, menus = excluded.menus,
        queue = excluded.queue, queued = excluded.queued, queues = excluded.queues,
        rings = excluded.rings, agent = excluded.agent,
        connected = excluded.connected, ended = excluded.ended, ended_by = excluded.ended_by,
        outcome = excluded.outcome, cause = excluded.cause, sip = excluded.sip,
        wrap_up_ended = excluded.wrap_up_ended
    where call.epoch <= excluded.epoch
), events as (
    insert into call_event (at, call, epoch, seq, n, kind, body)
    select r.at, r.call, $1, r.seq, r.n, r.kind, r.body::jsonb
    from fresh, unnest(
        $13::timestamptz[], $14::text[], $15::bigint[], $16::integer[], $17::text[], $18::text[]
    ) as r (at, call, seq, n, kind, body)
    where r.seq > fresh.stored
)
select stored from fence

-- name: load_live
select kind, id, epoch, seq, body from live order by kind, id

-- name: set_aside
-- A row that cannot be read leaves `live`, so that the next start does not stumble over it again.
with gone as (delete from live where kind = $1 and id = $2 returning kind, id, epoch, seq, body)
insert into live_aside (kind, id, epoch, seq, body, why)
select kind, id, epoch, seq, body, $3 from gone

-- name: last_agents
-- Who talked with each caller last, since a moment; the newest of them, the very newest last.
select caller, agent, ended from (
    select caller, agent, ended from (
        select distinct on (caller) caller, agent, ended from call
        where caller_kind = 'E164' and agent is not null and ended >= $1
        order by caller, ended desc
    ) as latest
    order by ended desc limit $2
) as newest
order by ended

-- name: left_waiting
-- Who left while waiting, since a moment, and has not been answered since; the newest of them, the very newest last.
select caller, queue, queued, ended from (
    select caller, queue, queued, ended from (
        select distinct on (caller) caller, queue, queued, ended from call
        where caller_kind = 'E164' and outcome = 'abandoned' and ended >= $1
        order by caller, ended desc
    ) as latest
    where not exists (
        select from call as later where later.caller = latest.caller and later.ended > latest.ended
        and later.ended >= $1 and later.agent is not null
    )
    order by ended desc limit $2
) as newest
order by ended

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
