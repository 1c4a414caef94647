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
select ended is null as current, last_seq from epoch where id = $1 and seed = $2 for update

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
        ended, ended_by, outcome, cause, sip, wrap_up_ended, disposition, disposition_by, amount, note,
        campaign, attempt, rang, picked_up, heard, harboured, message_left, asked_after, path, notes
    )
    select
        id, node, $1, trunk, phone, caller, caller_kind, caller_name, dialled, diverted_from, feature,
        entered, answered_by_pbx, menus, queue, queued, coalesce(queues, '[]'), rings, agent, connected,
        ended, ended_by, outcome, cause, sip, wrap_up_ended, disposition, disposition_by, amount, coalesce(note, ''),
        campaign, attempt, rang, picked_up, heard, harboured, message_left, asked_after,
        coalesce(path, '[]'), coalesce(notes, '{}')
    from fresh, jsonb_to_recordset($12::jsonb) as r (
        id text, node text, trunk text, phone text, caller text, caller_kind text, caller_name text,
        dialled text, diverted_from text, feature text, entered timestamptz, answered_by_pbx timestamptz,
        menus jsonb, queue text, queued timestamptz, queues jsonb, rings jsonb, agent text,
        connected timestamptz, ended timestamptz, ended_by text, outcome text, cause integer, sip integer, wrap_up_ended timestamptz,
        disposition text, disposition_by text, amount numeric, note text,
        campaign text, attempt text, rang timestamptz, picked_up timestamptz, heard text, harboured timestamptz,
        message_left timestamptz, asked_after timestamptz, path jsonb, notes jsonb
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
        wrap_up_ended = excluded.wrap_up_ended, disposition = excluded.disposition,
        disposition_by = excluded.disposition_by, amount = excluded.amount, note = excluded.note,
        campaign = excluded.campaign, attempt = excluded.attempt, rang = excluded.rang,
        picked_up = excluded.picked_up, heard = excluded.heard, harboured = excluded.harboured,
        message_left = excluded.message_left, asked_after = excluded.asked_after,
        path = excluded.path, notes = excluded.notes
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
-- Who talked with each caller last, since a moment; the newest of them, the very newest last. Whom a campaign called
-- finds the same agent when they call back. Who was asked something after the talk had ended it before.
select caller, agent, ended from (
    select caller, agent, ended from (
        select distinct on (caller) caller, agent, coalesce(asked_after, ended) as ended from call
        where caller_kind = 'E164' and agent is not null and ended >= $1
        order by caller, ended desc
    ) as latest
    order by ended desc limit $2
) as newest
order by ended

-- name: left_waiting
-- Who left while waiting, since a moment, and has not been answered since; the newest of them, the very newest last.
-- Whom a campaign called has not waited in a queue by their own will: they have no place there to come back to.
select caller, queue, queued, ended from (
    select caller, queue, queued, ended from (
        select distinct on (caller) caller, queue, queued, ended from call
        where caller_kind = 'E164' and outcome = 'abandoned' and campaign is null and ended >= $1
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

-- name: campaign_events
-- What was decided for a campaign since a moment, and of its trunks, the newest first. The kinds are the index's.
select at, call, epoch, seq, n, kind, body from call_event
where kind in ('Paced', 'CampaignChanged', 'CampaignRefused', 'DetectionOff', 'TrunkHeld') and at >= $3
    and (body ->> 'campaign' = $1 or (kind = 'TrunkHeld' and body ->> 'trunk' = any($2::text[])))
order by at desc, epoch desc, seq desc, n desc limit $4

-- The ledger (store/ledger.py): times are microseconds since 1970.

-- name: ledger_listed
insert into do_not_call (scope, number, prefix, since, how)
values ($1, $2, $3, timestamptz 'epoch' + $4::bigint * interval '1 microsecond', $5)
on conflict (scope, number, prefix) do update set since = excluded.since, how = excluded.how
where do_not_call.how like 'file %'

-- name: ledger_unlisted
-- Not what was listed later.
delete from do_not_call where scope = $1 and number = $2 and prefix = $3
    and since <= timestamptz 'epoch' + $4::bigint * interval '1 microsecond'

-- name: ledger_consent
insert into consent (number, scope, given, how)
values ($1, $2, timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4)

-- name: ledger_happened
-- What was revoked is so marked as well: `*` revokes all.
with said as (
    insert into happened (id, what, at, number, contact, debt, scope, why)
    values ($1, $2, timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4, $5, $6, $7, $8)
    on conflict (id, what) do update set
        contact = coalesce(happened.contact, excluded.contact),
        debt = case when happened.debt = '' then excluded.debt else happened.debt end
    returning what, at, number, scope, why
)
update consent set revoked = said.at, revoked_how = said.why
from said
where said.what = 'revoked' and consent.number = said.number and consent.revoked is null
    and (said.scope = '*' or consent.scope = said.scope)

-- name: ledger_attempt
with made as (
    insert into attempt (id, campaign, contact, number, debt, trunk, caller_id, began, rules, epoch)
    values ($1, $2, $3, $4, $5, $6, $7, timestamptz 'epoch' + $8::bigint * interval '1 microsecond', $9::jsonb, $10)
    on conflict (id) do nothing
    returning contact, number, began
), counted as (
    update contact_number set attempts = attempts + 1 from made
    where contact_number.contact = made.contact and contact_number.number = made.number
)
-- A time that was agreed is kept with the first attempt at or after it.
update contact set
    attempts = contact.attempts + 1, last_attempt = made.began,
    callback_at = case when callback_at > made.began then callback_at end
from made where contact.id = made.contact

-- name: ledger_attempt_over
with done as (
    update attempt set ended = timestamptz 'epoch' + $2::bigint * interval '1 microsecond', outcome = $3, call = $4
    where id = $1 and outcome is null and number = $6
    returning contact, outcome
)
update contact set outcomes = jsonb_set(outcomes, array[done.outcome],
    to_jsonb(coalesce((outcomes ->> done.outcome)::integer, 0) + 1))
from done where contact.id = done.contact and contact.id = $5

-- name: ledger_planned
-- $6: when it was decided: a time that was agreed for later is kept, in place of an end. $7: by which epoch; whom a later
-- one has claimed is not its own.
update contact set
    standing = case when kept then 'later' else $2 end,
    due = case when kept then callback_at else timestamptz 'epoch' + $3::bigint * interval '1 microsecond' end,
    callback_at = case when not kept and $2 = 'done' then null else callback_at end,
    next_number = $4, why = $5, epoch = null, claimed = null
from (
    select id as whom, coalesce(
        $2 in ('done', 'later') and callback_at > timestamptz 'epoch' + $6::bigint * interval '1 microsecond', false
    ) as kept
    from contact where id = $1
) as known
where id = known.whom and standing = 'claimed' and epoch <= $7

-- name: ledger_again
-- Who is claimed or planned since stays so, and a time that was agreed is kept.
update contact set
    standing = 'later', due = timestamptz 'epoch' + $2::bigint * interval '1 microsecond', next_number = $3, why = $4
where id = $1 and standing = 'done'

-- name: ledger_promised
-- $1 null: a caller who is on no list, or on this campaign's by the number.
with known as (
    select coalesce($1::bigint, (
        select min(contact.id) from contact_number join contact on contact.id = contact_number.contact
        where contact_number.number = $4 and contact.campaign = $2
    )) as id
), kept as (
    update contact set
        callback_at = timestamptz 'epoch' + $5::bigint * interval '1 microsecond', callback_number = $4,
        callback_agent = $6, callback_note = $8,
        callback_until = timestamptz 'epoch' + nullif($7::bigint, 0) * interval '1 microsecond',
        standing = case when standing = 'claimed' then standing else 'later' end,
        due = timestamptz 'epoch' + $5::bigint * interval '1 microsecond', why = 'a time to call was agreed'
    from known where contact.id = known.id
), made as (
    insert into contact (
        campaign, name, standing, due, callback_at, callback_number, callback_agent, callback_until, callback_note, why
    )
    select
        $2, $3, 'later', timestamptz 'epoch' + $5::bigint * interval '1 microsecond',
        timestamptz 'epoch' + $5::bigint * interval '1 microsecond', $4, $6,
        timestamptz 'epoch' + nullif($7::bigint, 0) * interval '1 microsecond', $8, 'a time to call was agreed'
    from known where known.id is null
    returning id
)
insert into contact_number (contact, n, number, country, zones, states) select id, 0, $4, $9, $10, $11 from made

-- name: ledger_barred
-- Where it is another person's number, it is so on every list, those to come too; a contact of another key is another
-- person ('': of any).
insert into wrong_number (number, key, why)
values ($1, coalesce((select key from contact where id = $3::bigint), ''), $2)
on conflict (number, key) do nothing

-- name: ledger_withheld
insert into dial_refusal (at, campaign, contact, number, rule, version, why, until)
values (
    timestamptz 'epoch' + $1::bigint * interval '1 microsecond', $2, $3, $4, $5, $6, $7,
    timestamptz 'epoch' + $8::bigint * interval '1 microsecond'
)

-- Contacts (store/contacts.py).

-- name: promote
-- Those whose time has come; a bounded number each time, so that no claim waits for a million.
update contact set standing = 'open', why = '' where id in (
    select id from contact where campaign = $1 and standing = 'later' and due <= $2
    order by due limit $3 for update skip locked
)

-- name: claim_begins
-- No row: the epoch has ended, or the database does not know yet what was decided up to this step: nobody is claimed
-- who would be judged by less. Locked before any contact, as the journal does, until the claim is committed.
select id from epoch where id = $1 and ended is null and last_seq >= $2 for share

-- name: claim
-- {order} is one of contacts.ORDERS. $1: campaign, $2: how many, $3: our epoch, $4: now, $5,
-- $6: the filters as a JSON path and its values, $7: agents who may call back whom they promised to. Times that were
-- agreed come first. In this order they are given back, too: an update alone gives its rows as it found them.
with called_back as (
    select contact.id from contact
    where campaign = $1 and standing = 'open' and callback_at <= $4
        and (callback_agent is null or callback_until <= $4 or callback_agent = any ($7::text[]))
    order by callback_at limit $2 for update skip locked
), listed as (
    select contact.id from contact
    where campaign = $1 and standing = 'open' and callback_at is null
        and ($5::jsonpath is null or jsonb_path_match(fields, $5::jsonpath, $6::jsonb, true))
    order by {order} limit greatest(0, $2 - (select count(*) from called_back)) for update skip locked
), place as (
    select id, row_number() over () as place from (select id from called_back union all select id from listed) as due
), taken as (
    update contact set standing = 'claimed', epoch = $3, claimed = $4
    where id in (select id from place)
    returning {columns}
)
select taken.* from taken join place using (id) order by place

-- name: one_contact
select {columns} from contact where id = $1

-- name: contacts_at
-- Contacts that a number is of, or that have this key in one of the campaigns, or are of this number here.
select {columns} from contact where id in (
    select contact from contact_number where number = $1
    union
    select id from contact where key = $2 and campaign = any ($3)
    union
    select id from contact where id = $4
)
order by id limit 200

-- name: numbers_of
select
    contact, number, kind, contact_number.country, zones, states, contact_number.attempts,
    coalesce(nullif(barred, ''), (
        select min(wrong_number.why) from wrong_number
        where wrong_number.number = contact_number.number
            and (contact.key is null or wrong_number.key in ('', contact.key))
    ), '') as barred,
    exists (
        select from contact as other
        where other.callback_number = contact_number.number and other.callback_at is not null
            and other.standing in ('open', 'later', 'claimed') and other.id <> contact_number.contact
    ) as promised
from contact_number join contact on contact.id = contact_number.contact
where contact = any ($1) order by contact, n

-- name: past_of
-- What rules count, of the contacts, their numbers and debts.
with mine as (
    select distinct number from contact_number where contact = any ($1)
), debts as (
    select distinct debt from contact where id = any ($1) and debt <> ''
)
select id, 'attempt' as what, began as at, number, contact, debt, outcome, '' as scope
from attempt where contact = any ($1) and began > $2
union
select id, 'attempt', began, number, contact, debt, outcome, ''
from attempt where number in (select number from mine) and began > $2
union
select id, 'attempt', began, number, contact, debt, outcome, ''
from attempt where debt <> '' and debt in (select debt from debts) and began > $2
union
select id, what, at, number, contact, debt, null, scope
from happened where number in (select number from mine) and (at > $2 or what = 'revoked')
union
select id, what, at, number, contact, debt, null, scope
from happened where contact = any ($1) and at > $2
union
select id, what, at, number, contact, debt, null, scope
from happened where debt <> '' and debt in (select debt from debts) and at > $2

-- name: consents_of
select number, scope, given, how from consent
where revoked is null and number in (select number from contact_number where contact = any ($1))

-- name: release_claims
-- Of lives that are over: who was not being called is anybody's again.
update contact set standing = 'open', epoch = null, claimed = null
where standing = 'claimed' and epoch <> $1
    and not exists (select from attempt where attempt.contact = contact.id and outcome is null)

-- name: do_not_call_numbers
-- All of a scope as one value, sorted: 8 bytes each, the highest first.
select scope, string_agg(int8send(number), ''::bytea order by number) as numbers
from do_not_call where not prefix group by scope

-- name: do_not_call_prefixes
select scope, number from do_not_call where prefix

-- name: clock
select clock_timestamp()

-- Reports for people (store/reports.py).

-- name: standings
select campaign, standing, count(*) as contacts, count(callback_at) as promised from contact group by 1, 2

-- name: outcomes
-- Attempts since a moment, by how they ended.
select campaign, coalesce(outcome, 'open') as outcome, count(*) as attempts from attempt
where began >= $1 group by 1, 2

-- name: outcomes_since
-- Attempts of campaigns, each since a moment of its own, by how they ended.
select campaign, coalesce(outcome, 'open') as outcome, count(*) as attempts
from unnest($1::text[], $2::timestamptz[]) as asked (name, since)
join attempt on campaign = name and began >= since group by 1, 2

-- name: refusals
-- Of a campaign, since a moment, by rule.
select rule, version, count(*) as refusals, max(at) as last from dial_refusal
where campaign = $1 and at >= $2 group by 1, 2 order by 3 desc, 1, 2

-- name: nowhere
-- Contacts that nobody may call, whatever the hour: no time zone is known of any of their numbers, nor stated.
select count(*) from contact
where campaign = $1 and zone = '' and not exists (
    select from contact_number where contact = contact.id and zones <> '{}' and barred = ''
)

-- name: abandoned_windows
-- Attempts that somebody answered, as the rule set $3 counts them: in windows of $4 seconds from $2 on.
select
    floor(extract(epoch from began - $2) / $4)::bigint as n,
    count(*) filter (where outcome <> 'machine') as live, count(*) filter (where outcome = 'abandoned') as abandoned,
    count(*) filter (where outcome = 'machine') as turned_away
from attempt
where campaign = $1 and began >= $2 and outcome in ('answered', 'abandoned', 'machine')
    and exists (select from jsonb_array_elements_text(rules) as kept where split_part(kept, ' ', 1) = $3)
group by 1 order by 1

-- name: abandoned_rows
-- Those that a person answered, one by one.
select id, began, ended, contact, number, outcome from attempt
where campaign = $1 and began >= $2 and outcome in ('answered', 'abandoned')
    and exists (select from jsonb_array_elements_text(rules) as kept where split_part(kept, ' ', 1) = $3)
order by began limit $4

-- name: attempts_of
select id, campaign, number, trunk, caller_id, began, ended, outcome, rules, call from attempt
where contact = $1 order by began desc limit 200

-- name: refusals_of
select at, number, rule, version, why, until from dial_refusal where contact = $1 order by at desc limit 200

-- name: happened_of
select what, at, number, debt, scope, why from happened where contact = $1
union
select what, at, number, debt, scope, why from happened where number = any ($2)
order by at desc limit 200

-- name: consents_all
select number, scope, given, how, revoked, revoked_how from consent
where number = any ($1) order by given desc limit 200

-- name: listed_of
-- $2: every beginning of the numbers.
select scope, number, prefix, since, how from do_not_call where not prefix and number = any ($1)
union all
select scope, number, prefix, since, how from do_not_call where prefix and number = any ($2)
order by since

-- One person's data (store/person.py). A number in a text is found as a whole one: `patterns` are regular expressions.

-- name: person_contacts
select distinct contact from contact_number where number = $1

-- name: person_numbers
-- Of these contacts; without those that somebody else has as well, unless it is the one that was asked for.
select distinct number from contact_number where contact = any ($1)
    and (number = $2 or not exists (
        select from contact_number as other where other.number = contact_number.number and other.contact <> all ($1)
    ))

-- name: person_calls
select * from call where caller = any ($1) or diverted_from = any ($1) or dialled = any ($1) order by entered

-- name: person_events
select at, call, kind, body from call_event where call = any ($1) order by at, epoch, seq, n

-- name: person_rows
-- What tables hold by the number alone.
select 'attempt' as what, to_jsonb(attempt) as body from attempt where number = any ($1) or contact = any ($2)
union all
select 'happened', to_jsonb(happened) from happened where number = any ($1) or contact = any ($2)
union all
select 'consent', to_jsonb(consent) from consent where number = any ($1)
union all
select 'do_not_call', to_jsonb(do_not_call) from do_not_call where number = any ($1) and not prefix
union all
select 'wrong_number', to_jsonb(wrong_number) from wrong_number where number = any ($1)
union all
select 'dial_refusal', to_jsonb(dial_refusal) from dial_refusal where number = any ($1) or contact = any ($2)

-- name: person_live
-- What is going on with them: nobody is erased in the middle of a call.
select kind, id from live where kind in ('call', 'attempt') and body::text ~ any ($1)

-- name: erase_contacts
with gone as (
    delete from contact where id = any ($1) returning id
)
delete from contact_number using gone where contact_number.contact = gone.id

-- name: erase_attempts
update attempt set number = null, contact = null, debt = '' where contact = any ($2)
    or (contact is null and number = any ($1))

-- name: erase_refusals
update dial_refusal set number = null, contact = null, why = '' where contact = any ($2)
    or (contact is null and number = any ($1))

-- name: erase_happened
delete from happened where contact = any ($2) or (contact is null and number = any ($1))

-- name: erase_consents
delete from consent where number = any ($1)

-- name: erase_wrong_numbers
delete from wrong_number where number = any ($1)

-- name: erase_do_not_call
delete from do_not_call where not prefix and number = any ($1)

-- name: erase_do_not_call_how
update do_not_call set how = '' where not prefix and number = any ($1)

-- name: erase_calls
-- What they pressed, and what flows noted of it, may say who they are as well.
update call set
    caller = 'erased', caller_kind = 'Withheld', caller_name = '', diverted_from = null, note = '', notes = '{}',
    menus = coalesce((select jsonb_agg(it || '{"digits": ""}' order by n) from jsonb_array_elements(menus) with ordinality as v (it, n)), '[]')
where caller = any ($1) or diverted_from = any ($1)

-- name: erase_texts
-- Where another's call names them: that alone.
update call set
    dialled = case when dialled ~ any ($1) then 'erased' else dialled end,
    note = case when note ~ any ($1) then '' else note end,
    notes = case when notes::text ~ any ($1) then '{}' else notes end
where dialled ~ any ($1) or note ~ any ($1) or notes::text ~ any ($1)

-- name: erase_events
-- Of those calls, and all else that names a number. Every event is looked at: there is no index of what they say.
delete from call_event where call = any ($1) or body::text ~ any ($2)

-- name: erase_aside
delete from live_aside where body::text ~ any ($1)

-- name: erased_tables
-- What must be rewritten for nothing to be left in the files.
select format('%I.%I', schemaname, relname) from pg_stat_user_tables
where relname in (
    'contact', 'contact_number', 'wrong_number', 'attempt', 'dial_refusal', 'happened', 'consent', 'do_not_call', 'call', 'live',
    'live_aside'
) or relname like 'call\_event%'

-- name: wal_files
-- As far as this user may see them.
select case when has_function_privilege('pg_ls_waldir()', 'execute') then (select count(*) from pg_ls_waldir()) else 20 end

-- name: list_begin
-- Of an import's transaction: named, so that people see what it is; never without an index, for the tables grow from
-- nothing while it goes on, and nobody counts their rows for the planner; on the disk when it is told, without a wait
-- for standby servers.
select set_config('application_name', 'callctl-import', false),
    set_config('synchronous_commit', 'local', true),
    set_config('enable_seqscan', 'off', true),
    set_config('idle_in_transaction_session_timeout', '0', true)

-- name: list_lock
-- One import of a campaign at a time: two would not see each other's contacts.
select pg_try_advisory_xact_lock($1, hashtext($2))

-- name: list_tables
-- What a chunk of a file says of contacts that are there: `contact` is the one that the row is.
create temp table list_row (
    contact bigint primary key, name text not null, country text not null, state text not null, zone text not null,
    debt text not null, fields jsonb not null, priority smallint not null
) on commit drop;
create temp table list_number (
    contact bigint not null, n smallint not null, number bigint not null, kind text not null, country text not null,
    zones text[] not null, states text[] not null, primary key (contact, n)
) on commit drop;
create temp table list_merged (
    contact bigint not null, n smallint not null, number bigint not null, kind text not null, country text not null,
    zones text[] not null, states text[] not null, attempts integer not null, barred text not null,
    primary key (contact, n)
) on commit drop

-- name: list_number_import
select nextval(pg_get_serial_sequence('list_import', 'id'))

-- name: list_number_contacts
select array_agg(nextval(named.sequence))
from (select pg_get_serial_sequence('contact', 'id')::regclass as sequence offset 0) as named, generate_series(1, $1::integer)

-- name: list_find
-- Of a chunk's rows (keys $3, first numbers $4) those whose contact is there: on the campaign's ($1) list, or further up
-- in the same file ($2: the import). By key; those without one by their first number, among contacts without a key.
with line as (
    select n, key, first, row_number() over (partition by key, case when key is null then first end order by n) as nth
    from unnest($3::text[], $4::bigint[]) with ordinality as r (key, first, n)
)
select line.n - 1 as n, known.id as known, line.nth > 1 or coalesce(known.imported = $2, false) as in_file
from line left join lateral (
    select c.id, c.imported from contact c
    where line.key is not null and c.campaign = $1 and c.key = line.key
    union all
    select c.id, c.imported from contact_number o cross join lateral (
        select id, imported from contact where id = o.contact and campaign = $1 and key is null offset 0
    ) as c
    where line.key is null and o.number = line.first and o.n = 0
    limit 1
) as known on true
where line.nth > 1 or known.id is not null order by line.n

-- name: list_hold
-- Of known contacts those that no daemon has or is about to have. The others are not waited for: a daemon that
-- claimed one writes to it, and would have to wait for the whole import.
select id from contact where id = any($1::bigint[]) and standing <> 'claimed' order by id for update skip locked

-- name: list_merge
-- The numbers that known contacts will have, where those of the file are others: the file's in its order, with what is
-- known of them; then those that are barred, and the one of a callback.
with other as (
    select r.contact, count(*) as numbers from list_number r group by r.contact
    having array_agg(row(r.number, r.kind) order by r.n) is distinct from
        (select array_agg(row(o.number, o.kind) order by o.n) from contact_number o where o.contact = r.contact)
)
insert into list_merged
select r.contact, r.n, r.number, r.kind, r.country, r.zones, r.states, coalesce(o.attempts, 0), coalesce(o.barred, '')
from other join list_number r on r.contact = other.contact
left join lateral (
    select attempts, barred from contact_number where contact = r.contact and number = r.number limit 1
) as o on true
union all
select o.contact, other.numbers - 1 + row_number() over (partition by o.contact order by o.n),
    o.number, o.kind, o.country, o.zones, o.states, o.attempts, o.barred
from other join contact_number o on o.contact = other.contact join contact c on c.id = other.contact
where (o.barred <> '' or o.number = c.callback_number)
and not exists (select from list_number r where r.contact = other.contact and r.number = o.number)

-- name: list_change
-- What the file has a column for ($2 to $7) is brought up to date; of the fields those that it names ($8). The number
-- that is tried next stays the same one where it stays.
update contact c set
    name = case when $2 then r.name else c.name end,
    country = case when $3 then r.country else c.country end,
    state = case when $4 then r.state else c.state end,
    zone = case when $5 then r.zone else c.zone end,
    debt = case when $6 then r.debt else c.debt end,
    priority = case when $7 then r.priority else c.priority end,
    fields = (c.fields - $8::text[]) || r.fields,
    next_number = case when exists (select from list_merged m where m.contact = c.id) then coalesce((
        select m.n from contact_number o join list_merged m on m.contact = o.contact and m.number = o.number
        where o.contact = c.id and o.n = c.next_number
    ), 0) else c.next_number end,
    imported = $1
from list_row r where c.id = r.contact

-- name: list_clear_numbers
delete from contact_number using (select distinct contact from list_merged) as m where contact_number.contact = m.contact

-- name: list_put_numbers
insert into contact_number (contact, n, number, kind, country, zones, states, attempts, barred)
select contact, n, number, kind, country, zones, states, attempts, barred from list_merged

-- name: list_clear
truncate list_row, list_number, list_merged

-- name: list_end
insert into list_import (id, campaign, file, at, who, read, taken, changed, duplicates, refused)
overriding system value values ($1, $2, $3, clock_timestamp(), $4, $5, $6, $7, $8, $9)

-- name: list_width
-- How many numbers the contact of a campaign has that has most.
select coalesce(max(cardinality), 0) from (
    select count(*) as cardinality from contact c join contact_number n on n.contact = c.id
    where c.campaign = $1 and n.barred = '' group by c.id
) as counted

-- name: list_field_names
-- The fields of a campaign's contacts, with the types that their values have.
select f.key as name, array_agg(distinct jsonb_typeof(f.value)) as types
from contact c cross join lateral jsonb_each(c.fields) as f where c.campaign = $1 group by f.key order by f.key

-- name: list_export
select c.key, c.name, c.country, c.state, c.zone, c.debt, c.priority, c.fields, c.standing, c.why, c.due, c.attempts,
    c.outcomes, c.last_attempt, c.callback_at, n.numbers, n.kinds, n.barred
from contact c left join lateral (
    select array_agg(number order by n) filter (where barred = '') as numbers,
        array_agg(kind order by n) filter (where barred = '') as kinds,
        array_agg(number || ' ' || barred order by n) filter (where barred <> '') as barred
    from contact_number where contact = c.id
) as n on true
where c.campaign = $1 order by c.id

-- Numbers that are not called, from a file (lists/listed.py). $1: the scope, $2: how they came onto the list.

-- name: listed_table
create temporary table listed_now (number bigint not null) on commit drop

-- name: list_numbers
with new as (
    insert into do_not_call (scope, number, how) select distinct $1, number, $2 from listed_now
    on conflict (scope, number, prefix) do nothing
    returning 1
)
select count(*) from new

-- name: unlist_others
with gone as (
    delete from do_not_call where scope = $1 and how = $2 and not prefix
        and not exists (select from listed_now where listed_now.number = do_not_call.number)
    returning 1
)
select count(*) from gone

-- name: release_lost
-- Claims that no life holds any more: of ended epochs, or too old to judge by.
update contact set standing = 'open', epoch = null, claimed = null
where standing = 'claimed' and (epoch <> $1 or claimed < $2)
    and not exists (select from attempt where attempt.contact = contact.id and outcome is null)

-- name: list_version
select last_value from do_not_call_version

-- name: new_list_version
select nextval('do_not_call_version')

-- name: recyclable
-- Contacts of a campaign that are done with, ended so at least once, and have talked with nobody.
select count(*) from contact
where campaign = $1 and standing = 'done' and outcomes ?| $2::text[] and not outcomes ? 'answered'

-- name: recycle
-- The campaign's own counts begin anew; what the law counts does not.
with again as (
    update contact set
        standing = 'open', due = now(), next_number = 0, attempts = 0, outcomes = '{}', why = 'taken up again'
    where campaign = $1 and standing = 'done' and outcomes ?| $2::text[] and not outcomes ? 'answered'
    returning id
), counts as (
    update contact_number set attempts = 0 from again where contact_number.contact = again.id
)
select count(*) from again

-- name: past_attempts
-- A campaign's attempts since $2, by the hour of the clock in the zone $3, and how they ended.
select extract(hour from began at time zone $3)::int as hour, outcome, count(*) as attempts
from attempt
where campaign = $1 and began >= $2 and outcome is not null
group by 1, 2

-- name: past_talks
-- Its talks and wrap-ups, in seconds: how many, how long on average, and the deviation.
select
    count(*) as talks,
    avg(extract(epoch from call.ended - connected))::float8 as talk,
    stddev_samp(extract(epoch from call.ended - connected))::float8 as talk_deviation,
    count(wrap_up_ended) as wraps,
    avg(extract(epoch from wrap_up_ended - call.ended))::float8 as wrap,
    stddev_samp(extract(epoch from wrap_up_ended - call.ended))::float8 as wrap_deviation
from attempt join call on call.id = attempt.call
where attempt.campaign = $1 and began >= $2 and connected is not null and call.ended is not null

-- name: past_rings
-- The seconds from the dialling to the answer: how many are known, and these quantiles of them.
select
    count(*) as rings,
    percentile_cont($3::float8[]) within group (order by extract(epoch from answered_by_pbx - began)) as quantiles
from attempt join call on call.id = attempt.call
where attempt.campaign = $1 and began >= $2 and answered_by_pbx > began

-- name: past_contacts
-- Contacts that are not done with.
select count(*) from contact where campaign = $1 and standing in ('open', 'later', 'claimed')
