"""The journal's `live` rows and call records as plain values, made of what each step says it touched."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from io import BytesIO
from typing import TypeVar

from callctl.core.engine import Step
from callctl.core.flows import Flows
from callctl.core.ids import AgentId, AttemptId, CallId, CampaignId, NodeId, SwitchId, TrunkId
from callctl.core.model import Agent, Call, Node, Switch, Usage, World
from callctl.core.outbound import Attempt, Campaign
from callctl.core.policy import Policy
from callctl.runtime.ports import Batch

_T = TypeVar("_T")


def copied(value: _T) -> _T:
    """A deep copy, faster than `copy.deepcopy`. Policies and flows, which nobody changes, are shared."""
    out = BytesIO()
    _Pickler(out, pickle.HIGHEST_PROTOCOL).dump(value)
    out.seek(0)
    made: _T = _Unpickler(out).load()
    return made


_SHARED: dict[int, Policy | Flows] = {}


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> int | None:
        if not isinstance(obj, Policy | Flows):
            return None
        _SHARED[id(obj)] = obj
        return id(obj)


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: int) -> Policy | Flows:
        return _SHARED[pid]


@dataclass
class Rows:
    """What the journal's `live` rows and call records would hold, from what the steps say they touched."""

    calls: dict[CallId, Call] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    trunks: dict[TrunkId, Usage] = field(default_factory=dict)
    campaigns: dict[CampaignId, Campaign] = field(default_factory=dict)
    attempts: dict[AttemptId, Attempt] = field(default_factory=dict)
    switches: dict[SwitchId, Switch] = field(default_factory=dict)
    flows: dict[str, Flows] = field(default_factory=dict)
    records: dict[CallId, list[Call]] = field(default_factory=dict)

    def live(self) -> Rows:
        """Those that a life begins with: without the records."""
        calls = self.calls, self.agents, self.nodes, self.trunks
        return Rows(*calls, self.campaigns, self.attempts, self.switches, self.flows)

    def take(self, done: Step) -> None:
        touched = done.touched
        self.calls.update((c.id, copied(c)) for c in touched.calls)
        self.agents.update((a.id, copied(a)) for a in touched.agents)
        self.nodes.update((n.id, copied(n)) for n in touched.nodes)
        self.trunks.update((t.id, copied(t)) for t in touched.trunks)
        self.campaigns.update((c.id, copied(c)) for c in touched.campaigns)
        self.attempts.update((a.id, copied(a)) for a in touched.attempts)
        for over in touched.over:
            self.attempts.pop(over, None)
        self.switches.update((s.id, s) for s in touched.switches)
        for off in touched.off:
            self.switches.pop(off, None)
        self.flows.update((f.version, f) for f in touched.flows)
        for version in touched.forgotten:
            self.flows.pop(version, None)
        for record in touched.records:
            self.records.setdefault(record.id, []).append(copied(record))
        for closed in touched.closed:
            self.calls.pop(closed, None)

    def store(self, batch: Batch) -> None:
        """What the loop gives to the journal, whose values are copies already."""
        self.calls.update(batch.calls)
        self.agents.update(batch.agents)
        self.nodes.update(batch.nodes)
        self.trunks.update(batch.trunks)
        self.campaigns.update(batch.campaigns)
        self.attempts.update(batch.attempts)
        for over in batch.over:
            self.attempts.pop(over, None)
        self.switches.update(batch.switches)
        for off in batch.off:
            self.switches.pop(off, None)
        self.flows.update(batch.flows)
        for version in batch.forgotten:
            self.flows.pop(version, None)
        for closed in batch.closed:
            self.calls.pop(closed, None)
        for left in batch.left:
            self.agents.pop(left, None)
        for record in batch.ended:
            self.records.setdefault(record.id, []).append(record)

    def differ(self, world: World) -> list[str]:
        """Where the rows no longer say what the World is."""
        return [
            *(f"row of call {c} is old" for c, call in world.calls.items() if self.calls.get(c) != call),
            *(f"row of call {c} is left over" for c in self.calls if c not in world.calls),
            *(f"row of agent {a} is old" for a, agent in world.agents.items() if self.agents.get(a) != agent),
            *(f"row of node {n} is old" for n, node in world.nodes.items() if self.nodes.get(n, node) != node),
            *(f"row of trunk {t} is old" for t, used in world.usage.items() if self.trunks.get(t) != used),
            *(f"row of attempt {a} is old" for a, it in world.outbound.attempts.items() if self.attempts.get(a) != it),
            *(f"row of attempt {a} is left over" for a in self.attempts if a not in world.outbound.attempts),
            *(["rows of switches are old"] if self.switches != world.switches else []),
            *(f"flows {version} have no row" for version in world.flows if version not in self.flows),
            *(f"flows {version} are left over" for version in self.flows if version not in world.flows),
            *(
                f"row of campaign {c} is old"
                for c, it in world.outbound.campaigns.items()
                if _promised(self.campaigns.get(c)) != _promised(it)
            ),
        ]


def _promised(campaign: Campaign | None) -> tuple[object, ...]:
    """What of a campaign is stored at once; what it learns may be a little behind. One that nobody has started needs no
    row."""
    campaign = campaign or Campaign(CampaignId(""))
    return campaign.phase, campaign.since, campaign.by, campaign.began, campaign.budget.abandoned
