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
create index call_event_campaign on call_event (at)
    where kind in ('Paced', 'CampaignChanged', 'CampaignRefused', 'DetectionOff', 'TrunkHeld');

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
    queues jsonb not null default '[]',
    disposition text,
    disposition_by text,
    amount numeric(14, 2),
    note text not null default '',
    campaign text,
    attempt text,
    rang timestamptz,
    picked_up timestamptz,
    heard text,
    harboured timestamptz,
    message_left timestamptz,
    asked_after timestamptz,
    path jsonb not null default '[]',
    notes jsonb not null default '{}'
);
comment on table call is 'Call records: every time of a call''s way, who ended it and how.';
comment on column call.id is 'The call''s id: a ULID.';
comment on column call.node is 'The PBX node it came in on.';
comment on column call.epoch is 'The epoch that last wrote the record; an older one never overwrites it.';
comment on column call.trunk is 'The trunk it came from, or went out over; null: from a phone of the house.';
comment on column call.phone is 'The phone of the house it came from; null: from a trunk.';
comment on column call.caller is 'The caller''s number as people read it: +E.164, an extension, or withheld. Of a campaign''s call: who was called.';
comment on column call.caller_kind is 'E164, Extension, ShortCode, Emergency or Withheld.';
comment on column call.caller_name is 'The name the caller''s side gave; untrusted text.';
comment on column call.dialled is 'What was dialled, as it came; untrusted text. Of a campaign''s call: the number.';
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
comment on column call.disposition is 'What the call came to, as the agent said: a name of the configuration''s; null: nothing was said.';
comment on column call.disposition_by is 'agent: chosen; default: nothing was, until the end of wrap-up.';
comment on column call.amount is 'Of a sale.';
comment on column call.note is 'What the agent noted; untrusted text.';
comment on column call.campaign is 'The campaign that called somebody on its list; null: the caller called. Counts of a queue''s callers leave the others out.';
comment on column call.attempt is 'Of a campaign''s call: the attempt.';
comment on column call.rang is 'Of a campaign''s call: when the network first said that it rings.';
comment on column call.picked_up is 'Of a campaign''s call: when it was answered, by whomever.';
comment on column call.heard is 'Of a campaign''s call: what answering machine detection made of the answer: human, machine, unsure, silence, fax, sit; nothing: detection was off.';
comment on column call.harboured is 'Of a campaign''s call: when the safe harbour''s message began, since no agent had come.';
comment on column call.message_left is 'Of a campaign''s call: when the message for an answering machine had been played to its end. Of a caller''s: when a message in a mailbox had been left; null: none was kept.';
comment on column call.asked_after is 'When the agent had ended the talk and the caller went on to what the queue says `after`; null: the call ended with the talk, or there was none. The talk lasted until coalesce(asked_after, ended).';
comment on column call.path is 'The nodes of flows that the caller came through, in order: ["flow/node", …].';
comment on column call.notes is 'What flows wrote down, by name: the answers of a survey, say; of the agent in `agent`. Text, from the caller''s keys or a server.';

create index call_entered on call (entered);
create index call_queue on call (queue, entered) where queue is not null;
create index call_agent on call (agent, entered) where agent is not null;
create index call_answered on call (ended) where agent is not null;
create index call_abandoned on call (ended) where outcome = 'abandoned';
create index call_noted on call (ended) where notes <> '{}';

create table list_import (
    id bigint generated always as identity primary key,
    campaign text not null,
    file text not null,
    at timestamptz not null default now(),
    who text not null,
    read bigint not null,
    taken bigint not null,
    changed bigint not null,
    duplicates bigint not null,
    refused bigint not null
);
comment on table list_import is 'Imports of lists that were carried out.';
comment on column list_import.id is 'Rows of contact name it.';
comment on column list_import.campaign is 'Whose list it is.';
comment on column list_import.file is 'The file''s name, without its folder.';
comment on column list_import.at is 'When it was committed.';
comment on column list_import.who is 'The user of the operating system who asked.';
comment on column list_import.read is 'Rows of the file, the heading apart.';
comment on column list_import.taken is 'New contacts.';
comment on column list_import.changed is 'Contacts that were there and were brought up to date.';
comment on column list_import.duplicates is 'Rows that said nobody new, and were passed over.';
comment on column list_import.refused is 'Rows that could not be taken.';

create table contact (
    id bigint generated always as identity primary key,
    campaign text not null,
    key text,
    name text not null default '',
    country text not null default '',
    state text not null default '',
    zone text not null default '',
    debt text not null default '',
    fields jsonb not null default '{}',
    priority smallint not null default 0,
    shuffle real not null default random(),
    standing text not null default 'open',
    why text not null default '',
    due timestamptz not null default now(),
    next_number smallint not null default 0,
    attempts integer not null default 0,
    outcomes jsonb not null default '{}',
    last_attempt timestamptz,
    callback_at timestamptz,
    callback_number bigint,
    callback_agent text,
    callback_until timestamptz,
    callback_note text not null default '',
    epoch bigint,
    claimed timestamptz,
    imported bigint,
    entered timestamptz not null default now()
);
comment on table contact is 'Somebody on a campaign''s list.';
comment on column contact.id is 'Its number.';
comment on column contact.campaign is 'Whose list it is on.';
comment on column contact.key is 'The operator''s own name for it, once in a campaign; null: none.';
comment on column contact.name is 'For people; untrusted text.';
comment on column contact.country is 'Where the person says to be: ISO 3166; empty: not said.';
comment on column contact.state is 'As ISO 3166-2 has it, without the country; empty: not said.';
comment on column contact.zone is 'The IANA''s time zone where the person says to be; empty: not said.';
comment on column contact.debt is 'What the calls are about, where rules count by that; empty: nothing such.';
comment on column contact.fields is 'The list''s other columns, typed: {name: text, number or boolean}.';
comment on column contact.priority is 'The higher is called first.';
comment on column contact.shuffle is 'Its place where the order is random.';
comment on column contact.standing is 'open: due; later: at `due`; claimed: a daemon has it; done; unknown: an attempt was cut off.';
comment on column contact.why is 'Why it stands so, for people.';
comment on column contact.due is 'Not before.';
comment on column contact.next_number is 'Which of its numbers is tried next, from 0.';
comment on column contact.attempts is 'In all.';
comment on column contact.outcomes is 'How often attempts ended so: {outcome: count}.';
comment on column contact.last_attempt is 'When the last began.';
comment on column contact.callback_at is 'The time agreed with the person; null: none.';
comment on column contact.callback_number is 'At which number.';
comment on column contact.callback_agent is 'Who promised to call; null: anybody.';
comment on column contact.callback_until is 'Until when it is that agent''s alone.';
comment on column contact.callback_note is 'What the agent noted.';
comment on column contact.epoch is 'Of the daemon that has claimed it.';
comment on column contact.claimed is 'When.';
comment on column contact.imported is 'By which import it came last.';
comment on column contact.entered is 'When it came first.';

create unique index contact_key on contact (campaign, key) where key is not null;
-- Who is claimed next, for each order. Only those who are due are in them.
create index contact_oldest on contact (campaign, priority desc, id) where standing = 'open';
create index contact_random on contact (campaign, priority desc, shuffle, id) where standing = 'open';
create index contact_least_recent on contact (campaign, priority desc, last_attempt nulls first, id) where standing = 'open';
create index contact_later on contact (campaign, due) where standing = 'later';
create index contact_claimed on contact (epoch) where standing = 'claimed';
create index contact_callback on contact (campaign, callback_at) where callback_at is not null;
create index contact_promised on contact (callback_number) where callback_at is not null;

create table contact_number (
    contact bigint not null,
    n smallint not null,
    number bigint not null,
    kind text not null default '',
    country text not null default '',
    zones text[] not null default '{}',
    states text[] not null default '{}',
    attempts integer not null default 0,
    barred text not null default '',
    primary key (contact, n)
);
comment on table contact_number is 'The numbers of a contact. Without a foreign key, which costs a fifth of an import: whoever deletes a contact deletes them.';
comment on column contact_number.contact is 'Whose it is.';
comment on column contact_number.n is 'Its place in the order in which they are tried, from 0.';
comment on column contact_number.number is 'E.164, without the plus.';
comment on column contact_number.kind is 'A word of the list''s: mobile, home, work.';
comment on column contact_number.country is 'By the number: ISO 3166; empty: it may be of several.';
comment on column contact_number.zones is 'Time zones in which it may be, by the number.';
comment on column contact_number.states is 'States of the country in which it may be, by the number; none: any.';
comment on column contact_number.attempts is 'In all.';
comment on column contact_number.barred is 'Why it is not called for this contact any more; empty: it may be.';

create index contact_number_number on contact_number (number);

create table attempt (
    id text primary key,
    campaign text not null,
    contact bigint,
    number bigint,
    debt text not null default '',
    trunk text not null,
    caller_id bigint,
    epoch bigint not null,
    began timestamptz not null,
    ended timestamptz,
    outcome text,
    rules jsonb not null default '[]',
    call text
);
comment on table attempt is 'Attempts to reach somebody: stored before the line is taken.';
comment on column attempt.id is 'A ULID: the leg''s.';
comment on column attempt.campaign is 'For which.';
comment on column attempt.contact is 'Whom; null: erased since.';
comment on column attempt.number is 'At which number; null: erased since.';
comment on column attempt.debt is 'About what.';
comment on column attempt.trunk is 'Over which trunk.';
comment on column attempt.caller_id is 'What was shown.';
comment on column attempt.epoch is 'Of the daemon that made it.';
comment on column attempt.began is 'When the gate let it pass.';
comment on column attempt.ended is 'When it was over.';
comment on column attempt.outcome is 'answered, abandoned, machine, busy, no_answer, refused, invalid, failed, hung_up, unknown; null: not over.';
comment on column attempt.rules is 'The rule sets that were held against it, and were kept: ["us-federal 2026-11-27", …].';
comment on column attempt.call is 'The call record, where somebody answered.';

create index attempt_contact on attempt (contact, began);
create index attempt_number on attempt (number, began);
create index attempt_debt on attempt (debt, began) where debt <> '';
create index attempt_campaign on attempt (campaign, began);
create index attempt_open on attempt (epoch) where outcome is null;

create table happened (
    id text not null,
    what text not null,
    at timestamptz not null,
    number bigint not null,
    contact bigint,
    debt text not null default '',
    scope text not null default '',
    why text not null default '',
    primary key (id, what)
);
comment on table happened is 'What rules count beside attempts: conversations, refusals, consent that was revoked.';
comment on column happened.id is 'The call''s, or one of its own.';
comment on column happened.what is 'conversation, refusal or revoked.';
comment on column happened.at is 'When.';
comment on column happened.number is 'With whom: E.164, without the plus.';
comment on column happened.contact is 'With which contact, where it is known.';
comment on column happened.debt is 'About what.';
comment on column happened.scope is 'Of a consent that was revoked; `*`: all.';
comment on column happened.why is 'How it came about, for people.';

create index happened_number on happened (number, at);
create index happened_contact on happened (contact, at) where contact is not null;
create index happened_debt on happened (debt, at) where debt <> '';

create table dial_refusal (
    at timestamptz not null,
    campaign text not null,
    contact bigint,
    number bigint,
    rule text not null,
    version text not null,
    why text not null,
    until timestamptz
);
comment on table dial_refusal is 'Attempts that the gate did not let pass.';
comment on column dial_refusal.at is 'When.';
comment on column dial_refusal.campaign is 'For which campaign.';
comment on column dial_refusal.contact is 'Whom it was to reach; null: erased since.';
comment on column dial_refusal.number is 'At which number; null: erased since.';
comment on column dial_refusal.rule is 'By which rule.';
comment on column dial_refusal.version is 'Of the rule set; empty: it is a rule of the house.';
comment on column dial_refusal.why is 'For people.';
comment on column dial_refusal.until is 'Not before; null: not at all while this is so.';

create index dial_refusal_contact on dial_refusal (contact, at);
create index dial_refusal_campaign on dial_refusal (campaign, at);

create table do_not_call (
    scope text not null,
    number bigint not null,
    prefix boolean not null default false,
    since timestamptz not null default now(),
    how text not null default '',
    primary key (scope, number, prefix)
);
comment on table do_not_call is 'Numbers that are not called.';
comment on column do_not_call.scope is 'A campaign; empty: by nobody.';
comment on column do_not_call.number is 'E.164, without the plus; of a prefix: its digits.';
comment on column do_not_call.prefix is 'Every number that begins so.';
comment on column do_not_call.since is 'Since when.';
comment on column do_not_call.how is 'How it came onto the list: a file, a disposition, somebody''s command.';

create sequence do_not_call_version;
comment on sequence do_not_call_version is 'Rises with each file that is read onto a do-not-call list: a running daemon reads the lists again.';

create table wrong_number (
    number bigint not null,
    key text not null default '',
    since timestamptz not null default now(),
    why text not null,
    primary key (number, key)
);
comment on table wrong_number is 'Numbers that are not the person''s: barred on every list.';
comment on column wrong_number.number is 'E.164, without the plus.';
comment on column wrong_number.key is 'Whose they are not, by the operator''s own name; empty: nobody''s on any list.';
comment on column wrong_number.since is 'Since when.';
comment on column wrong_number.why is 'Who said so, for people.';

create table consent (
    id bigint generated always as identity primary key,
    number bigint not null,
    scope text not null,
    given timestamptz not null,
    how text not null,
    revoked timestamptz,
    revoked_how text not null default ''
);
comment on table consent is 'Who has consented to be called, for what, when and how; revoked ones are kept.';
comment on column consent.id is 'Its number.';
comment on column consent.number is 'At this number: E.164, without the plus.';
comment on column consent.scope is 'What for: a word of the house; `*`: for all.';
comment on column consent.given is 'When.';
comment on column consent.how is 'On paper, on a web page, on the phone, …, and where the proof is.';
comment on column consent.revoked is 'When it was taken back; null: it stands.';
comment on column consent.revoked_how is 'How.';

create index consent_number on consent (number);
