"""A checked document to the core's policy and to the daemon's own settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from callctl.core.addresses import E164, Emergency, Extension, ShortCode
from callctl.core.ids import (
    AgentId,
    CalendarId,
    CampaignId,
    MailboxId,
    MenuId,
    NodeId,
    PhoneId,
    QueueId,
    SkillId,
    SwitchId,
    TrunkId,
)
from callctl.core.policy import (
    AgentPolicy,
    CallerPolicy,
    DialingRules,
    EmergencyPolicy,
    Feature,
    MailboxPolicy,
    Menu,
    PhonePolicy,
    Policy,
    QueuePolicy,
    SwitchPolicy,
    TrunkPolicy,
    WaitingWords,
)
from callctl.settings.calendars import calendar_of
from callctl.settings.campaigns import campaign_of, dispositions_of, saying_of
from callctl.settings.canonical import digest
from callctl.settings.flow_build import flows_of
from callctl.settings.models import (
    AgentModel,
    CallerModel,
    Document,
    EmergencyModel,
    MailboxModel,
    MenuModel,
    PhoneModel,
    QueueModel,
    SwitchModel,
    TrunkModel,
    WordsModel,
)
from callctl.settings.numbering import (
    allowed_prefixes,
    caller_numbers,
    codes_of,
    entry_address,
    numbering_of,
    switch_codes,
)
from callctl.settings.prompts import Speaker
from callctl.settings.rule_sets import rule_sets_of
from callctl.settings.secrets import Secret
from callctl.settings.ways import Ways, number_rules, stages


@dataclass(frozen=True, slots=True)
class AriSettings:
    url: str
    """Ends in /ari; no slash after it."""
    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class AmiSettings:
    host: str
    port: int
    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How to reach one Asterisk."""

    id: NodeId
    ari: AriSettings
    ami: AmiSettings
    provision: bool
    """callctl writes phones and trunks into `include_dir`, and has them reloaded."""
    include_dir: Path


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    url: Secret | None
    """A PostgreSQL URL; None: callctl runs its own server in `data_dir`."""
    data_dir: Path


@dataclass(frozen=True, slots=True)
class HttpSettings:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: str
    """debug, info, warning or error."""
    format: str
    """auto (text on a terminal, JSON elsewhere), json or text."""
    unmasked: bool


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """What the daemon needs to start; all paths are absolute. A change needs a restart."""

    nodes: Mapping[NodeId, NodeSettings]
    database: DatabaseSettings
    http: HttpSettings
    control_socket: Path
    log: LogSettings
    state_dir: Path


def daemon_of(document: Document, folder: Path, secrets: Mapping[str, Secret]) -> DaemonSettings:
    """The daemon's settings. `secrets` by `ari:<node>`, `ami:<node>` and `database`."""

    def absolute(path: Path) -> Path:
        return Path(os.path.abspath(folder / path))

    nodes = {
        NodeId(name): NodeSettings(
            id=NodeId(name),
            ari=AriSettings(node.ari.url.rstrip("/"), node.ari.user, secrets[f"ari:{name}"]),
            ami=AmiSettings(node.ami.host, node.ami.port, node.ami.user, secrets[f"ami:{name}"]),
            provision=node.provision,
            include_dir=absolute(node.include_dir),
        )
        for name, node in document.nodes.items()
    }
    state = absolute(document.state_dir)
    data = document.database.data_dir
    log = document.log
    return DaemonSettings(
        nodes=nodes,
        database=DatabaseSettings(secrets.get("database"), state / "postgres" if data is None else absolute(data)),
        http=HttpSettings(document.http.host, document.http.port),
        control_socket=absolute(document.control_socket),
        log=LogSettings(str(log.level), str(log.format), log.unmasked),
        state_dir=state,
    )


def policy_of(document: Document, speaker: Speaker) -> Policy:
    """The core's policy, with its `sha`. `speaker` knows then what has to be built for it."""
    numbering = numbering_of(document)
    ways = Ways(document, numbering, speaker)
    node = NodeId(next(iter(document.nodes)))
    owned = caller_numbers(document, numbering)
    calendars = {CalendarId(name): calendar_of(it) for name, it in document.calendars.items()}
    policy = Policy(
        default_node=node,
        country=document.country,
        entries={entry_address(text, numbering): ways.goal(goal) for text, goal in document.numbers.items()},
        unknown_number=ways.goal(document.unknown_number),
        callers={entry_address(text, numbering): _caller(it) for text, it in document.callers.items()},
        blocked=ways.goal(document.blocked),
        last_resort=ways.goal(document.last_resort),
        calendars=calendars,
        menus={MenuId(name): _menu(name, it, ways) for name, it in document.menus.items()},
        flows=flows_of(document, ways, calendars),
        queues={QueueId(name): _queue(name, it, ways) for name, it in document.queues.items()},
        agents={AgentId(name): _agent(name, it) for name, it in document.agents.items()},
        phones={PhoneId(name): _phone(name, it, ways, node) for name, it in document.phones.items()},
        trunks={TrunkId(name): _trunk(name, it, document, node) for name, it in document.trunks.items()},
        features={
            **document.features,
            **dict.fromkeys(codes_of(document), Feature.DISPOSITION),
            **dict.fromkeys(switch_codes(document), Feature.SWITCH),
        },
        switches={SwitchId(name): _switch(name, it, speaker) for name, it in document.switches.items()},
        short_codes=tuple(ShortCode(code) for code in document.short_codes),
        emergency=_emergency(document.emergency),
        dialing=_dialing(document),
        campaigns={CampaignId(name): campaign_of(name, it, owned, speaker) for name, it in document.campaigns.items()},
        dispositions=dispositions_of(document.dispositions),
        rule_sets=rule_sets_of(document),
        mailboxes={MailboxId(name): _mailbox(name, it, document, speaker) for name, it in document.mailboxes.items()},
        silence=document.voicemail.silence,
        lease=document.lease.length,
        lease_renewal=document.lease.renewal,
    )
    return replace(policy, sha=sha_of(policy))


def sha_of(policy: Policy) -> str:
    """SHA-256 (hex) of what the policy says, whatever the order it was written in."""
    return digest(replace(policy, sha=""))


def _caller(caller: CallerModel) -> CallerPolicy:
    agent = AgentId(caller.agent) if caller.agent else None
    return CallerPolicy(caller.name or "", caller.priority, agent, caller.blocked)


def _emergency(emergency: EmergencyModel | None) -> EmergencyPolicy:
    if emergency is None:
        return EmergencyPolicy()
    return EmergencyPolicy(tuple(Emergency(n) for n in emergency.numbers), emergency.callback_window)


def _switch(name: str, it: SwitchModel, speaker: Speaker) -> SwitchPolicy:
    may = tuple(map(AgentId, it.may))
    said = speaker.said(it.on_says), speaker.said(it.off_says)
    return SwitchPolicy(SwitchId(name), it.description or "", it.code or "", *said, may)


def _queue(name: str, queue: QueueModel, ways: Ways) -> QueuePolicy:
    return QueuePolicy(
        id=QueueId(name),
        strategy=queue.strategy,
        weight=queue.weight,
        ageing=queue.ageing,
        stages=stages(queue.asks),
        answer=queue.answer,
        music=queue.music,
        words=_words(queue.words, ways.speaker),
        ring_timeout=queue.ring_timeout,
        ring_more=queue.ring_more,
        whisper=ways.speaker.said(queue.whisper),
        display=queue.display,
        wrap_up=queue.wrap_up,
        least_talk=queue.least_talk,
        longest_talk=queue.longest_talk,
        longest_wait=queue.longest_wait,
        give_up=ways.goal(queue.give_up),
        hours=CalendarId(queue.hours) if queue.hours else None,
        closed_while=tuple(map(SwitchId, queue.closed_while)),
        closed=ways.goal(queue.closed),
        max_waiting=queue.max_waiting,
        full=ways.goal(queue.full),
        staffed=queue.staffed,
        unstaffed=ways.goal(queue.unstaffed),
        unstaffed_after=queue.unstaffed_after,
        after=ways.goal(queue.after),
        after_share=queue.after_share,
        returns=queue.returns,
        service_level=queue.service_level,
        short_abandon=queue.short_abandon,
        last_agent=queue.last_agent,
        patience=queue.patience,
        dispositions=saying_of(queue.dispositions),
        exit_keys={digit: ways.goal(goal) for digit, goal in queue.exit_keys.items()},
    )


def _agent(name: str, agent: AgentModel) -> AgentPolicy:
    return AgentPolicy(
        id=AgentId(name),
        name=agent.name,
        phone=PhoneId(agent.phone),
        queues=tuple(QueueId(queue) for queue in agent.queues),
        default=agent.default,
        misses=agent.misses,
        ring_timeout=agent.ring_timeout,
        miss_delay=agent.miss_delay,
        busy_delay=agent.busy_delay,
        reject_delay=agent.reject_delay,
        penalties={QueueId(queue): penalty for queue, penalty in agent.penalties.items() if penalty},
        skills={SkillId(skill): level for skill, level in agent.skills.items()},
        nailed_up=agent.nailed_up,
    )


def _mailbox(name: str, mailbox: MailboxModel, document: Document, speaker: Speaker) -> MailboxPolicy:
    phones = (PhoneId(document.agents[it].phone if it in document.agents else it) for it in mailbox.lamp)
    return MailboxPolicy(
        id=MailboxId(name),
        name=mailbox.name,
        email=mailbox.email or "",
        greeting=speaker.said(mailbox.greeting),
        beep=mailbox.beep,
        longest=mailbox.longest,
        shortest=mailbox.shortest,
        lamp=tuple(dict.fromkeys(phones)),
    )


def _words(words: WordsModel | None, speaker: Speaker) -> WaitingWords | None:
    if words is None:
        return None
    return WaitingWords(words.first, words.every, words.position, tuple(map(speaker.said, words.prompts)))


def _dialing(document: Document) -> DialingRules:
    rules = document.dialing
    return DialingRules(
        allowed=allowed_prefixes(document),
        refused=tuple(prefix.removeprefix("+") for prefix in rules.refused),
        premium=rules.premium,
        stopped=rules.stopped,
        longest=rules.longest,
    )


def _menu(name: str, menu: MenuModel, ways: Ways) -> Menu:
    return Menu(
        id=MenuId(name),
        prompts=ways.speaker.said(menu.prompts),
        options={digit: ways.goal(goal) for digit, goal in menu.options.items()},
        give_up=ways.goal(menu.give_up),
        timeout=menu.timeout,
        tries=menu.tries,
        invalid=ways.speaker.said(menu.invalid),
        no_input=ways.speaker.said(menu.no_input),
        barge_in=menu.barge_in,
    )


def _phone(name: str, phone: PhoneModel, ways: Ways, default_node: NodeId) -> PhonePolicy:
    caller = entry_address(phone.emergency_caller or "", ways.numbering)
    outside = ways.outside(phone.number, phone.trunk) if phone.number is not None else None
    node = phone.node if outside is None else ways.document.trunks[outside.trunk].node
    return PhonePolicy(
        id=PhoneId(name),
        kind=phone.kind,
        endpoint=phone.endpoint or name,
        node=NodeId(node) if node else default_node,
        extension=Extension(phone.extension) if phone.extension else None,
        emergency_caller=caller if isinstance(caller, E164) else None,
        webrtc=phone.webrtc,
        codecs=phone.codecs,
        max_contacts=phone.max_contacts,
        language=phone.language or "",
        auto_answer=phone.auto_answer,
        outside=outside,
        **({"confirm": ways.speaker.said(phone.confirm)} if phone.confirm else {}),
    )


def _trunk(name: str, trunk: TrunkModel, document: Document, default_node: NodeId) -> TrunkPolicy:
    return TrunkPolicy(
        id=TrunkId(name),
        kind=trunk.kind,
        node=NodeId(trunk.node) if trunk.node else default_node,
        host=trunk.host,
        port=trunk.port,
        transport=trunk.transport,
        username=trunk.username or "",
        match=trunk.match,
        numbers=number_rules(trunk, document),
        codecs=trunk.codecs,
        dtmf=str(trunk.dtmf),
        language=trunk.language or "",
        nat=trunk.nat,
        srtp=trunk.srtp,
        trust_identity=trunk.trust_identity,
        qualify=trunk.qualify,
        max_channels=trunk.max_channels,
        keep_free=trunk.keep_free,
        calls_a_second=trunk.calls_a_second,
        back_off=trunk.back_off,
        fast_answer=trunk.fast_answer,
        calls_a_day=trunk.calls_a_day,
        minutes_a_day=trunk.minutes_a_day,
        emergency=trunk.emergency,
    )
