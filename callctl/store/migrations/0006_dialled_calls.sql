-- Calls that callctl made to somebody on a list have records too: each of them is an attempt.

alter table call add column campaign text;
alter table call add column attempt text;
alter table call add column rang timestamptz;
alter table call add column picked_up timestamptz;
alter table call add column heard text;
alter table call add column harboured timestamptz;
alter table call add column message_left timestamptz;
comment on column call.campaign is 'The campaign that called somebody on its list; null: the caller called. Counts of a queue''s callers leave the others out.';
comment on column call.attempt is 'Of a campaign''s call: the attempt.';
comment on column call.rang is 'Of a campaign''s call: when the network first said that it rings.';
comment on column call.picked_up is 'Of a campaign''s call: when it was answered, by whomever.';
comment on column call.heard is 'Of a campaign''s call: what answering machine detection made of the answer: human, machine, unsure, silence, fax, sit; nothing: detection was off.';
comment on column call.harboured is 'Of a campaign''s call: when the safe harbour''s message began, since no agent had come.';
comment on column call.message_left is 'Of a campaign''s call: when the message for an answering machine had been played to its end.';
comment on column call.caller is 'The caller''s number as people read it: +E.164, an extension, or withheld. Of a campaign''s call: who was called.';
comment on column call.trunk is 'The trunk it came from, or went out over; null: from a phone of the house.';
comment on column call.dialled is 'What was dialled, as it came; untrusted text. Of a campaign''s call: the number.';
comment on column attempt.outcome is 'answered, abandoned, machine, busy, no_answer, refused, invalid, failed, hung_up, unknown; null: not over.';
