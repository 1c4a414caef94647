-- A caller whose agent has hung up may go on to a survey: the talk ends before the call does.

alter table call add column asked_after timestamptz;
comment on column call.asked_after is 'When the agent had ended the talk and the caller went on to what the queue says `after`; null: the call ended with the talk, or there was none. The talk lasted until coalesce(asked_after, ended).';
