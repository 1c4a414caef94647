"""The real parts on one machine, for `make demo` and the tests; nobody else imports this.

install, mirror: an Asterisk, found or built. asterisk, ports, conf: one instance in its own folder. node: the PBX on
asterisk-conf/ and dialplan/. network, line, phones, ami: the telephone network with its callers and phones, a second
Asterisk. rawsip, rawphone: peers that no decent phone is. audio: what was heard.
"""
