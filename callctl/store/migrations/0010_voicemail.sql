-- Callers leave messages too.

comment on column call.message_left is 'Of a campaign''s call: when the message for an answering machine had been played to its end. Of a caller''s: when a message in a mailbox had been left; null: none was kept.';
