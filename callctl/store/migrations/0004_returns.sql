-- Callers who left while waiting may have their old place when they call again: read at each start.
create index call_abandoned on call (ended) where outcome = 'abandoned';
