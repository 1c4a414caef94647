-- A caller's way through flows, and what flows wrote down of it.

alter table call add column path jsonb not null default '[]';
alter table call add column notes jsonb not null default '{}';
comment on column call.path is 'The nodes of flows that the caller came through, in order: ["flow/node", …].';
comment on column call.notes is 'What flows wrote down, by name: the answers of a survey, say; of the agent in `agent`. Text, from the caller''s keys or a server.';

-- Answers are few among all calls.
create index call_noted on call (ended) where notes <> '{}';
