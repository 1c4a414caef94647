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
