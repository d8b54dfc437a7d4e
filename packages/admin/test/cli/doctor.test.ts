/** The checks of `coterie doctor`, on facts of imagined clusters. */
import * as Address from "@coterie/core/Address"
import type * as Probe from "@coterie/core/Probe"
import { ProbeError } from "@coterie/core/Probe"
import { Report, Verdict } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as path from "node:path"
import { diagnose, lines, requireProof } from "../../src/cli/doctor.ts"
import type { AddressProbe, Facts, Service } from "../../src/cli/doctor/facts.ts"
import { worst } from "../../src/cli/doctor/finding.ts"
import { nodeReport } from "../../src/internal/reports/nodeReport.ts"
import { version } from "../../src/internal/version.ts"
import { inspection, link, peer } from "../inspections.ts"
import * as FakeAdmin from "../dashboard/fakeAdmin.ts"
import { cluster as rowsOf, cut } from "../rows.ts"

const now = 1_800_000_000_000

const addressOf = (text: string) => Result.getOrThrow(Address.parse(text))

/** Makes the report of a node that has had no problem. */
const node = (name: string, change: Partial<Report.NodeReport> = {}): Report.NodeReport => ({
  ...nodeReport(inspection({ wallTime: now })),
  name,
  addresses: [`10.0.0.${name.charCodeAt(0)}:24868`],
  peers: [],
  ...change,
})

interface Imagined {
  readonly rows?: ReadonlyArray<Report.Row>
  readonly nodes?: ReadonlyArray<Report.NodeReport>
  readonly unanswered?: ReadonlyArray<Report.Unanswered>
  readonly probes?: Facts["probes"]
  readonly dns?: Facts["dns"]
  readonly events?: ReadonlyArray<Report.NodeEvent>
}

const names = ["a", "b", "c"]

/** Makes the facts of a cluster of a, b and c, of which a was asked. */
const facts = ({
  dns,
  events = [],
  nodes = names.map((name) => node(name)),
  probes = Result.fail("no probe"),
  rows = rowsOf(names).map((row) => ({ ...row, at: now })),
  unanswered = [],
}: Imagined = {}): Facts => {
  const cluster = Report.makeClusterReport({
    askedBy: nodes[0]?.name ?? "",
    at: now + 10,
    tookMillis: 20,
    rows,
    unanswered,
    verdict: Verdict.make({ rows, unanswered }),
  })
  const self = nodes[0] === undefined ? undefined : Result.succeed(nodes[0])
  const services: ReadonlyArray<Service> =
    self === undefined ? [] : [{ url: "http://a", self, at: now, tookMillis: 10, cluster, events }]
  return { services, cluster, rows, nodes, probes, ...(dns === undefined ? {} : { dns }) }
}

/** Returns the findings of a check as texts. */
const found = (check: string, imagined: Imagined, hasProof = false): ReadonlyArray<string> =>
  diagnose(facts(imagined), hasProof)
    .filter((each) => each.check === check)
    .map(({ advice, level, message }) => `${level}: ${message}${advice === undefined ? "" : ` -> ${advice}`}`)

/** Asserts that a check has one finding that matches. */
const finds = (check: string, imagined: Imagined, expected: RegExp, hasProof = false): void => {
  const all = found(check, imagined, hasProof)
  assert.strictEqual(all.length, 1, all.join("\n"))
  assert.match(all[0] ?? "", expected)
}

const dial = (reason: string, address = "10.0.0.9:24868", attempts = 3) => ({
  address,
  reason,
  message: `${address} is silent`,
  agoMillis: 1_000,
  attempts,
})

const seed = (reason: string, address?: string, attempts?: number): Report.NodeReport["addressesDialed"][number] => {
  const failed = dial(reason, address, attempts)
  return { address: failed.address, source: "seed", state: "failing", dial: failed }
}

const steps: ReadonlyArray<Probe.Step> = [{ step: { _tag: "Resolved", hosts: ["10.0.0.9"] }, millis: 1 }]

const accepted = (name: string): Probe.Accepted => ({
  _tag: "Accepted",
  address: addressOf("10.0.0.9:24868"),
  remoteHost: "10.0.0.9",
  identity: undefined,
  connectMillis: 1,
  answerMillis: 1,
  steps,
  peer: { name, generation: 1, addresses: [], metadata: {} },
  incarnation: 0,
  version: 1,
  protocol: { min: 1, max: 1 },
  features: [],
  viewHash: 0n,
  observedHost: undefined,
  linkTimeoutMillis: 3_000,
})

const refused = (reason: Probe.Refused["reason"]): Probe.Refused => ({
  _tag: "Refused",
  address: addressOf("10.0.0.9:24868"),
  remoteHost: "10.0.0.9",
  identity: undefined,
  connectMillis: 1,
  answerMillis: 1,
  steps,
  reason,
  message: 'this is the cluster "other"',
  retryAfterMillis: undefined,
})

const silent = (reason: Probe.Refused["reason"]): AddressProbe["answer"] =>
  new ProbeError({ address: "10.0.0.9:24868", step: "connect", reason, text: "nobody answers", steps })

const probed = (answer: AddressProbe["answer"], name?: string): Facts["probes"] =>
  Result.succeed([{ address: "10.0.0.9:24868", ...(name === undefined ? {} : { name }), answer }])

describe("the findings of coterie doctor", () => {
  it("are fine for a cluster without a problem", () => {
    const findings = diagnose(facts(), false)
    assert.deepStrictEqual(
      findings.filter(({ level }) => level !== "ok").map(({ check }) => check),
      ["dial"],
    )
    assert.strictEqual(worst(findings), "ok")
  })

  it("are one line each, with the advice below", () => {
    const painted = lines(
      [
        { check: "seeds", level: "fail", message: "no", advice: "Do it." },
        { check: "a", level: "ok", message: "yes" },
      ],
      (color, text) => `<${color} ${text}>`,
    )
    assert.deepStrictEqual(painted, ["<red fail>  seeds  no", "             Do it.", "<green ok  >  a      yes"])
  })

  it("look as the documentation shows them", () => {
    const members = ["a", "b", "c", "d"]
    const hour = 3_600_000
    const rows = rowsOf(members, cut("c-d"), {
      b: { at: now + hour },
      c: { dial: { 2: { ...dial("unreachable", "10.0.3.7:24868", 31), agoMillis: 4_000 } } },
    }).map((row) => ({ ...row, at: row.name === "b" ? now + hour : now }))
    const probes = Result.succeed(
      members.map((name) => ({
        name,
        address: `${name}:1`,
        answer: { ...accepted(name), address: addressOf(`${name}:1`) },
      })),
    )
    const imagined = facts({ nodes: members.map((name) => node(name)), rows, probes })
    const services = imagined.services.map((service) => ({ ...service, url: "http://127.0.0.1:24869" }))
    const page = fs.readFileSync(path.join(import.meta.dirname, "../../../../docs/admin.md"), "utf8")
    const [, shown = ""] = /^\$ coterie doctor\n([^`]*)```/m.exec(page) ?? []
    const text = lines(diagnose({ ...imagined, services }, false), (_, text) => text)
    const [first = "", ...rest] = text
    assert.deepStrictEqual(shown.trimEnd().split("\n"), [first.replace(version, "0.1.0"), ...rest])
  })

  it("are bounded for each check, and the rest is counted", () => {
    const many = Array.from({ length: 30 }, (_, i) => node(`n${i}`, { localHealth: 7 }))
    const all = found("load", { nodes: many })
    assert.strictEqual(all.length, 21)
    assert.strictEqual(all.at(-1), "warn: 10 more findings like these")
  })
})

describe("the checks of nodes", () => {
  const status = (phase: string, reason?: string) => ({
    nodes: [
      node("a", {
        status: { phase, message: "it says why", ...(reason === undefined ? {} : { reason }) },
      }),
    ],
  })

  it("find nodes that have stopped, or are not members", () => {
    finds("nodes", status("stopped", "Superseded"), /^fail: a has stopped \(Superseded\): it says why -> A newer/)
    finds("nodes", status("stopped", "Died"), /^fail: a has stopped \(Died\): .* -> Restart its process/)
    finds("nodes", status("stopped"), /^warn: a has left the cluster, and its process continues/)
    finds("nodes", status("leaving"), /^warn: a is leaving/)
    finds("nodes", status("starting", "notStarted"), /^warn: a is not started -> Call "cluster\.start"/)
    finds("nodes", status("starting", "joining"), /^warn: a is starting/)
    finds("nodes", status("alone", "noSeeds"), /^warn: a is alone and dials no address -> Give it seeds/)
    finds("nodes", status("alone", "unavailable"), /^warn: a is alone, .*: it says why -> The checks "seeds"/)
    finds("nodes", status("alone", "isolated"), /^fail: a has lost its links .* -> Check the network of its machine/)
    finds("nodes", status("a word of a later version"), /^ok: 1 node runs/)
  })

  it("find versions and settings that differ", () => {
    const rows = rowsOf(names, {}, { b: { version: "9.9.9" } })
    finds("versions", { rows }, /^warn: .*: 0\.1\.0 \(a and c\) and 9\.9\.9 \(b\) -> Finish the upgrade/)
    const failureDetector = { ...inspection().failureDetector, linkTimeoutMillis: 9_000 }
    finds(
      "settings",
      { nodes: [node("a"), node("b", { failureDetector })] },
      /^warn: linkTimeoutMillis of the failure detection differs: 3000 \(a\) and 9000 \(b\) -> Give all nodes/,
    )
    const { failureDetector: _, ...old } = node("old")
    finds("settings", { nodes: [node("a"), old] }, /^ok/)
    const { idleHeartbeatMillis: __, watchers: ___, ...earlier } = inspection().failureDetector
    finds("settings", { nodes: [node("a"), { ...node("b"), failureDetector: earlier }] }, /^ok/)
    finds("service", { nodes: [node("a", { version: "9.9.9" })] }, new RegExp(`this command has version ${version}`))
  })

  it("find an event loop that is late, and a queue that is nearly full", () => {
    finds("load", { nodes: [node("a", { lagMillis: 301 })] }, /^warn: the timers of a are late by 301 ms -> Find what/)
    finds("load", { nodes: [node("a", { lagMillis: 299 })] }, /^ok/)
    const queues = [{ name: "membership", size: 9, limit: 10 }]
    finds("load", { nodes: [node("a", { queues })] }, /^warn: the queue membership of a is 90 % full/)
    const [busy] = nodeReport(inspection({ peers: [peer("b", { connection: link({ queues }) })] })).peers
    finds(
      "load",
      { nodes: [node("a", { peers: busy === undefined ? [] : [busy] })] },
      /^warn: the queue membership of a/,
    )
  })
})

describe("the checks of the cluster", () => {
  it("find parts, unanswered members and pairs without a link", () => {
    const rows = rowsOf(names, { "a>c": "fd", "b>c": "fd", "c>a": "fd", "c>b": "fd" })
    finds("cluster", { rows }, /^fail: two parts: a b \| c -> Look for a fault of the network/)
    const pair = rowsOf(names, cut("b-c"), { b: { dial: { 1: dial("unreachable", "10.0.0.3:1") } } })
    finds("cluster", { rows: pair }, /^warn: one cluster of 3; b and c do not reach each other -> See the other/)
    finds(
      "links",
      { rows: pair },
      /^fail: b and c have no link: b dials c at 10\.0\.0\.3:1: unreachable .*; c has not dialed b -> Other members reach both.*nc -vz 10\.0\.0\.3 1$/,
    )
    const young = pair.map((row) => ({ ...row, unchangedMillis: 10 }))
    finds("links", { rows: young }, /^warn: b and c have no link/)
    const unanswered = [{ name: "d", reason: "notServing", message: "it has no service" }]
    finds("answers", { unanswered }, /^warn: d did not answer \(notServing\): it has no service -> Add "Admin\.layer"/)
  })

  it("find two processes of one name", () => {
    const rows = rowsOf(names, {}, { a: { generations: [1, 2] } })
    finds("names", { rows }, /^warn: members list different lives of c -> .*Two processes use one name/)
    const replaced = (name: string, at: number): Report.NodeEvent => ({
      event: "Replaced",
      data: { at, event: { _tag: "Replaced", peer: { name } } },
    })
    const often = [1, 2, 3].map((minutes) => replaced("c", now - minutes * 60_000))
    finds("names", { events: often }, /^fail: c was replaced 3 times or more within 10 minutes -> Two processes/)
    // Restarts of three days.
    finds("names", { events: [1, 2, 3].map((days) => replaced("c", now - days * 86_400_000)) }, /^ok/)
    finds("names", { events: [{ event: "Replaced", data: { at: now, event: "unreadable" } }] }, /^ok/)
  })
})

describe("the check of clocks", () => {
  const hour = 3_600_000
  const skewed = (offsets: Readonly<Record<string, number>>): Imagined => ({
    nodes: names.map((name) => node(name, { wallTime: now + (offsets[name] ?? 0) })),
    rows: rowsOf(names).map((row) => ({ ...row, at: now + (offsets[row.name] ?? 0) - (offsets["a"] ?? 0) })),
  })

  it("finds the clock that differs from the others, also if it is that of the asked node", () => {
    finds("clocks", skewed({ c: hour }), /^fail: the clock of c is 1 hour ahead of the others -> Let NTP set the clock/)
    finds("clocks", skewed({ b: -2 * 60_000 }), /^warn: the clock of b is 2 minutes behind the others/)
    finds("clocks", skewed({ b: 59_000 }), /^ok/)
    finds(
      "clocks",
      skewed({ c: 24 * hour }),
      /^fail: the clock of c is 1 day ahead .* -> A clock that is wrong by a day/,
    )
    const all = { a: hour, b: hour, c: hour }
    finds("clocks", skewed(all), /^warn: the clock of this machine is 1 hour behind the others/)
  })

  it("does not blame one of two clocks", () => {
    const alone = { nodes: [node("a", { wallTime: now - hour })], rows: rowsOf(["a"]) }
    finds("clocks", alone, /^fail: the clocks of a and of this machine differ by 1 hour/)
  })
})

describe("the checks of addresses", () => {
  it("find dials that fail because of a proof, once for each address", () => {
    const failing = [node("a", { addressesDialed: [seed("unauthenticated")] })]
    const nodes = [...failing, node("b", { addressesDialed: [seed("unauthenticated")] })]
    finds(
      "secrets",
      { nodes },
      /^fail: a and b and the process at 10\.0\.0\.9:24868 do not accept .* -> Compare the ids/,
    )
    finds("seeds", { nodes }, /^ok/)
  })

  it("find seeds that do not answer or refuse", () => {
    const dials = (reason: string, attempts = 3, address?: string) => ({
      nodes: [node("a", { addressesDialed: [seed(reason, address, attempts)] }), node("b")],
    })
    finds(
      "seeds",
      dials("unreachable"),
      /^warn: a cannot join through 10\.0\.0\.9:24868 .* -> It is the address of no member/,
    )
    finds("seeds", dials("refused", 3, "10.0.0.98:24868"), /^warn: .* -> It is the address of a member/)
    finds("seeds", dials("refused", 2), /^ok/)
    finds("seeds", dials("duplicate", 1), /^fail: .* -> A process with the name of the node answers there/)
    finds("seeds", dials("otherCluster", 1), /^fail: .* -> Remove the address, or correct the option "cluster"/)
    for (const reason of ["denied", "version", "protocol", "forbidden", "stale"]) {
      finds("seeds", dials(reason, 1), /^fail: a cannot join .* -> ./)
    }
  })

  it("find a single seed of many nodes", () => {
    const linked = (address: string): Report.NodeReport["addressesDialed"] => [
      { address, source: "seed", state: "linked" },
    ]
    const nodes = (...seeds: ReadonlyArray<string>) =>
      names.map((name) => node(name, { addressesDialed: seeds.flatMap(linked) }))
    finds("seeds", { nodes: nodes("10.0.0.97:24868") }, /^warn: the only seed of all nodes is 10\.0\.0\.97:24868/)
    finds("seeds", { nodes: nodes("10.0.0.97:24868", "10.0.0.98:24868") }, /^ok/)
  })

  it("find advertised addresses that peers cannot dial", () => {
    const abroad = nodeReport(
      inspection({ peers: [peer("b", { connection: link({ remoteHost: "10.0.0.2" }) })] }),
    ).peers
    const advertises = (address: string, change: Partial<Report.NodeReport> = {}) => ({
      nodes: [node("a", { addresses: [address], peers: abroad, ...change })],
    })
    finds(
      "addresses",
      advertises("127.0.0.1:1"),
      /^fail: a advertises 127\.0\.0\.1:1, which no other machine can dial -> Set "advertise"/,
    )
    finds("addresses", advertises("localhost:1", { peers: [] }), /^ok/)
    finds("addresses", advertises("169.254.1.1:1"), /^warn: .* only machines on the same link/)
    finds("addresses", advertises("[fe80::1]:1"), /^warn: .* only machines on the same link/)
    const observedHosts = ["203.0.113.7"]
    finds(
      "addresses",
      advertises("10.0.0.5:1", { observedHosts }),
      /^warn: a advertises 10\.0\.0\.5:1, and peers see it at 203\.0\.113\.7: there may be a NAT in between/,
    )
    finds("addresses", advertises("10.0.0.5:1", { observedHosts: ["203.0.113.7", "10.0.0.5"] }), /^ok/)
    finds("addresses", advertises("node.example:1", { observedHosts }), /^ok/)
    const same = [node("a", { addresses: ["10.0.0.5:1"] }), node("b", { addresses: ["10.0.0.5:1"] })]
    finds("addresses", { nodes: same }, /^fail: a and b advertise the same address 10\.0\.0\.5:1/)
  })

  it("dial the advertised addresses from this machine", () => {
    finds("dial", { probes: Result.fail("not installed") }, /^skipped: not installed$/)
    finds("dial", { probes: probed(accepted("a"), "a") }, /^ok: this machine can dial the advertised address$/)
    finds("dial", { probes: probed(refused("otherCluster"), "a") }, /^ok/)
    finds(
      "dial",
      { probes: probed(accepted("x"), "a") },
      /^fail: x answers at 10\.0\.0\.9:24868, which a advertises -> The address/,
    )
    finds(
      "dial",
      { probes: probed(silent("timeout"), "a") },
      /^warn: a cannot be dialed .*\(timeout\) -> Members have links/,
    )
    finds("dial", { probes: probed(silent("timeout"), "x") }, /^fail: x cannot be dialed .* -> No member has a link/)
    finds(
      "dial",
      { probes: probed(silent("lost"), "a") },
      /^skipped: a accepts only peers with a proof: give --secret-file/,
    )
    finds("dial", { probes: probed(silent("unauthenticated"), "a") }, /^warn: a cannot be dialed/, true)
  })

  it("do not dial nodes that require a proof without one", () => {
    const proved = nodeReport(
      inspection({ peers: [peer("b", { connection: link({ identity: { _tag: "Secret", key: "k1" } }) })] }),
    )
    const failed = node("a", { addressesDialed: [seed("unauthenticated")] })
    const plain = node("a", { addressesDialed: [seed("timeout")], peers: [FakeAdmin.peerOf("b")] })
    assert.deepStrictEqual(
      [proved, failed, plain].map((each) => requireProof({ nodes: [each] })),
      [true, true, false],
    )
  })

  it("find other clusters behind a DNS name", () => {
    const dns = (answer: AddressProbe["answer"]) => ({ dns: { name: "nodes:1", probes: probed(answer) } })
    finds("dns", dns(accepted("a")), /^ok: nodes:1 leads to this cluster alone$/)
    finds("dns", dns(accepted("x")), /^fail: x at 10\.0\.0\.9:24868 is not a member of this cluster -> .* two clusters/)
    finds(
      "dns",
      dns(refused("otherCluster")),
      /^fail: another cluster answers at 10\.0\.0\.9:24868: this is the cluster/,
    )
    finds("dns", dns(refused("busy")), /^warn: 10\.0\.0\.9:24868 refuses the probe/)
    finds("dns", dns(silent("refused")), /^warn: no node answers at 10\.0\.0\.9:24868/)
    const unknown = { name: "nodes", probes: Result.fail("nodes has no address") }
    finds("dns", { dns: unknown, probes: probed(accepted("a"), "a") }, /^warn: nodes has no address$/)
    finds("dns", { dns: { name: "nodes", probes: Result.fail("not installed") } }, /^skipped: not installed$/)
    assert.deepStrictEqual(found("dns", {}), [])
  })

  it("escape the texts of other nodes", () => {
    const hostile = "e\u202evil\n"
    const nodes = [node(hostile, { addresses: ["169.254.1.1:1"], addressesDialed: [seed(hostile)], localHealth: 7 })]
    const rows = rowsOf([hostile, "b"], cut(`${hostile}-b`))
    const text = lines(
      diagnose(facts({ nodes, rows, probes: probed(silent("timeout"), hostile) }), false),
      (_, text) => text,
    )
    // oxlint-disable-next-line no-control-regex -- Control characters are the subject of this test.
    for (const line of text) assert.notMatch(line, /[\u0000-\u001f\u202e]/)
  })
})
