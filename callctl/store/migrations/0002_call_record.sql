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
    wrap_up_ended timestamptz
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
comment on column call.queued is 'When it was queued there.';
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
