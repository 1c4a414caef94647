-- What was decided for campaigns is asked for by people: the newest of it, of a campaign.
create index call_event_campaign on call_event (at)
    where kind in ('Paced', 'CampaignChanged', 'CampaignRefused', 'DetectionOff', 'TrunkHeld');
