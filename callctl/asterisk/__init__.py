"""The links to Asterisk: ARI for calls, AMI for what phones and trunks are like, files for its own settings."""
