-- The schema as it is after every migration: for reading, and for the proof that the migrations make it.

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

-- The journal: rows restore, events explain; both are written in one transaction a batch.

create table epoch (
    id bigint generated always as identity primary key,
    holder text not null,
    code text not null,
    policy_sha text not null,
    seed numeric(20, 0) not null,
    began timestamptz not null default now(),
    beat timestamptz not null default now(),
    last_seq bigint not null default 0,
    ended timestamptz
);
comment on table epoch is 'One life of a callctl daemon; the one with no end is the writer.';
comment on column epoch.id is 'Rises with each start; rows name the epoch that wrote them.';
comment on column epoch.holder is 'Host and process id of the daemon.';
comment on column epoch.code is 'Version of callctl.';
comment on column epoch.policy_sha is 'Names the configuration that it began with.';
comment on column epoch.seed is 'Seed of its ids: 64 random bits. Proves that a spooled batch belongs to this row.';
comment on column epoch.began is 'When it took over.';
comment on column epoch.beat is 'When it last wrote: a sign of life, also when nothing happens.';
comment on column epoch.last_seq is 'Everything up to this step is stored: a batch that is tried again knows by it.';
comment on column epoch.ended is 'Set when another epoch takes over; no batch of this one is taken after that.';

create unique index epoch_current on epoch ((true)) where ended is null;
comment on index epoch_current is 'At most one writer.';

create table live (
    kind text not null,
    id text not null,
    epoch bigint not null,
    seq bigint not null,
    body jsonb not null,
    primary key (kind, id)
);
comment on table live is 'Calls, agents and nodes as they are now: what a start is restored from.';
comment on column live.kind is 'call, agent or node.';
comment on column live.id is 'Its id in the World.';
comment on column live.epoch is 'The epoch that last wrote the row.';
comment on column live.seq is 'The step that last changed it.';
comment on column live.body is 'The value, tagged by its class under $.';

create table live_aside (
    kind text not null,
    id text not null,
    epoch bigint not null,
    seq bigint not null,
    body jsonb not null,
    why text not null,
    at timestamptz not null default now()
);
comment on table live_aside is 'Rows of live that a start could not read: set aside for people, never read again.';
comment on column live_aside.kind is 'As in live.';
comment on column live_aside.id is 'As in live.';
comment on column live_aside.epoch is 'As in live.';
comment on column live_aside.seq is 'As in live.';
comment on column live_aside.body is 'As in live.';
comment on column live_aside.why is 'What did not fit.';
comment on column live_aside.at is 'When it was set aside.';

create table call_event (
    at timestamptz not null,
    call text,
    epoch bigint not null,
    seq bigint not null,
    n integer not null,
    kind text not null,
    body jsonb not null
) partition by range (at);
comment on table call_event is 'The story with its why, step by step: what explain prints.';
comment on column call_event.at is 'When the step was taken.';
comment on column call_event.call is 'The call it tells of; null: of an agent, a trunk, a node.';
comment on column call_event.epoch is 'The epoch that told it.';
comment on column call_event.seq is 'The step, counted from 1 in each epoch.';
comment on column call_event.n is 'Place within the step, from 0.';
comment on column call_event.kind is 'The fact''s class.';
comment on column call_event.body is 'The fact, tagged by its class under $.';

create index call_event_call on call_event (call, at) where call is not null;

create table call_event_default partition of call_event default;
comment on table call_event_default is 'Events outside every month made ahead; moved when their month is made.';

-- The call record: one row a call, written at the call's end and again when its wrap-up has ended.

create table call (
    id text primary key,
    node text not null,
    epoch bigint not null,
    trunk text,
    phone text,
    caller text not null,
    caller_kind text not null,
    caller_name text not null,
    dialled text not null,
    diverted_from text,
    feature text,
    entered timestamptz not null,
    answered_by_pbx timestamptz,
    menus jsonb not null,
    queue text,
    queued timestamptz,
    rings jsonb not null,
    agent text,
    connected timestamptz,
    ended timestamptz,
    ended_by text,
    outcome text,
    cause integer not null,
    sip integer not null,
    wrap_up_ended timestamptz,
    queues jsonb not null default '[]'
);
comment on table call is 'Call records: every time of a call''s way, who ended it and how.';
comment on column call.id is 'The call''s id: a ULID.';
comment on column call.node is 'The PBX node it came in on.';
comment on column call.epoch is 'The epoch that last wrote the record; an older one never overwrites it.';
comment on column call.trunk is 'The trunk it came from; null: from a phone of the house.';
comment on column call.phone is 'The phone of the house it came from; null: from a trunk.';
comment on column call.caller is 'The caller''s number as people read it: +E.164, an extension, or withheld.';
comment on column call.caller_kind is 'E164, Extension, ShortCode, Emergency or Withheld.';
comment on column call.caller_name is 'The name the caller''s side gave; untrusted text.';
comment on column call.dialled is 'What was dialled, as it came; untrusted text.';
comment on column call.diverted_from is 'The number the call was diverted from, where a trusted trunk says so.';
comment on column call.feature is 'The feature code''s meaning, if it was a feature call.';
comment on column call.entered is 'When callctl first had the call.';
comment on column call.answered_by_pbx is 'When the caller''s channel was answered, by a menu or the queue.';
comment on column call.menus is 'Menus walked, in order: [{menu, at, digits}].';
comment on column call.queue is 'The last queue.';
comment on column call.queued is 'When the caller began to wait; kept where one queue sends on to the next.';
comment on column call.queues is 'Queues, in order: [{queue, at, left, why}]; why (closed, full, unstaffed, waited, exit_key, again) is null where the caller was not sent on; at = left: not taken.';
comment on column call.rings is 'Rings, in order: [{agent, at, ended, result, cause, sip, why}].';
comment on column call.agent is 'The agent who talked with the caller.';
comment on column call.connected is 'When agent and caller were bridged.';
comment on column call.ended is 'When the call ended.';
comment on column call.ended_by is 'caller, agent, callctl or pbx.';
comment on column call.outcome is 'How it ended, in telephony''s terms: answered, abandoned, …';
comment on column call.cause is 'Q.850 cause of the end; 0: not known.';
comment on column call.sip is 'SIP status of the end; 0: none.';
comment on column call.wrap_up_ended is 'When the agent''s wrap-up ended; null: none, or not yet.';

create index call_entered on call (entered);
create index call_queue on call (queue, entered) where queue is not null;
create index call_agent on call (agent, entered) where agent is not null;
create index call_answered on call (ended) where agent is not null;
create index call_abandoned on call (ended) where outcome = 'abandoned';
