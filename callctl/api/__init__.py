"""What callctl says and does over HTTP: health and metrics on loopback, people's wishes on a unix socket."""
