/** The question to the cluster, between nodes in a simulated network. */
import * as Measured from "../../core/test/cluster/measured.ts"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"
import * as World from "../../core/test/cluster/world.ts"
import { type Admin, Report, Verdict } from "@coterie/admin"
import * as Cluster from "@coterie/core/Cluster"
import * as PeerRpcServer from "@coterie/rpc/PeerRpcServer"
import { assert, describe } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import { AdminRpcs, RelayFailed, service } from "../src/internal/question/AdminRpcs.ts"
import { row } from "./rows.ts"
import * as Support from "./support.ts"

const scenario = World.simulated

/** Starts nodes with links to each other and an admin service each. */
const start = Effect.fnUntraced(function* (
  { node }: World.World,
  names: ReadonlyArray<string>,
  policies: Layer.Layer<never> = World.quick,
) {
  const nodes = new Map<string, World.Node>()
  const admins = new Map<string, Admin.Service>()
  for (const name of names) {
    const [first] = nodes.values()
    const made = yield* node(name, first === undefined ? {} : { seeds: [first.address] }, policies)
    nodes.set(name, made)
    admins.set(name, (yield* Support.admin(made)).service)
  }
  for (const [name, each] of nodes) {
    yield* World.untilPeers(
      each,
      names.filter((other) => other !== name),
    )
  }
  // By then the lanes are known, and the changes are over.
  yield* Effect.sleep(Duration.millis(2 * Verdict.settlingMillis))
  const get = <A>(map: ReadonlyMap<string, A>, name: string): A => map.get(name) ?? assert.fail(`there is no ${name}`)
  return { node: (name: string) => get(nodes, name), admin: (name: string) => get(admins, name) }
})

/** Asks until the report satisfies the condition. */
const until = (
  admin: Admin.Service,
  expected: (report: Report.ClusterReport) => boolean,
): Effect.Effect<Report.ClusterReport> =>
  Effect.flatMap(admin.cluster(), (report) =>
    expected(report) ? Effect.succeed(report) : Effect.andThen(Effect.sleep("1 second"), () => until(admin, expected)),
  )

const answered = (report: Report.ClusterReport) => report.rows.map(({ name }) => name).sort()
const missing = ({ unanswered }: Report.ClusterReport) => unanswered.map(({ name, reason }) => `${name} ${reason}`)

describe("a report of the cluster", () => {
  scenario("has the row of every member, and both sides of a link have its round-trip time", (world) =>
    Effect.gen(function* () {
      const { admin, node } = yield* start(world, ["a", "b", "c"])
      const report = yield* admin("b").cluster()
      assert.deepStrictEqual([report.askedBy, report.unanswered], ["b", []])
      assert.deepStrictEqual(answered(report), ["a", "b", "c"])
      assert.deepStrictEqual(report.verdict, {
        level: "ok",
        sentence: "one cluster of 3; every pair has a link",
        details: [],
        settling: false,
      })
      const self = yield* node("c").cluster.self
      assert.deepInclude(report.members, { name: "c", generation: self.generation })
      for (const each of Report.rows(report)) {
        assert.strictEqual(each.names.length, 2)
        for (const micros of each.roundTripMicros) assert.isAtLeast(micros, 0, each.name)
      }
    }),
  )

  scenario("names the pair that does not reach each other, and has the rows of both", (world, network) =>
    Effect.gen(function* () {
      const { admin } = yield* start(world, ["a", "b", "c", "d", "e"])
      yield* network.partition(["c"], ["d"])
      const sentence = "one cluster of 5; c and d do not reach each other"
      const report = yield* until(admin("a"), ({ verdict }) => verdict.sentence === sentence)
      assert.deepStrictEqual([report.verdict.level, report.unanswered], ["warning", []])
      // c asks d through another member.
      const own = yield* until(admin("c"), ({ verdict }) => verdict.sentence === sentence)
      assert.deepStrictEqual([answered(own), missing(own)], [["a", "b", "c", "d", "e"], []])
      const c = Report.rows(own).find(({ name }) => name === "c")
      const at = c?.names.indexOf("d") ?? -1
      assert.strictEqual(c?.link[at], "i")
      assert.strictEqual(c?.roundTripMicros[at], -1)
      assert.isString(c?.through[at])
      assert.isString(c?.dial[at]?.reason)
      yield* network.heal
      yield* until(admin("a"), ({ verdict }) => verdict.level === "ok")
    }),
  )

  scenario("has the reason of each member that does not answer", (world, network) =>
    Effect.gen(function* () {
      // The default policies leave time to see the suspicion.
      const { admin, node } = yield* start(world, ["a", "b", "c"], Layer.empty)
      const d = yield* world.node("d", { seeds: [node("a").address] }, Layer.empty)
      yield* World.untilPeers(d, ["a", "b", "c"])
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(missing(yield* admin("a").cluster()), ["d notServing"])
      yield* Effect.sleep("1 second")
      // The link is up until the link timeout.
      yield* network.partition(["b"], ["a", "c", "d"])
      const late = yield* admin("a").cluster({ deadline: "100 millis" })
      assert.deepStrictEqual(missing(late), ["b timeout", "d notServing"])
      assert.deepStrictEqual([late.tookMillis, answered(late)], [100, ["a", "c"]])
      const cut = yield* until(admin("a"), (report) => missing(report).includes("b noLink"))
      assert.strictEqual(cut.verdict.sentence, "one cluster of 4; b suspected")
    }),
  )

  scenario("reports a row that cannot be read, and leaves other rows alone", (world) =>
    Effect.gen(function* () {
      const { admin, node } = yield* start(world, ["a", "b"])
      const liar = yield* world.node("liar", { seeds: [node("a").address] })
      const texts = ["{", JSON.stringify(row("b", {})), "x".repeat(Report.maxRowLength + 1)]
      const handlers = AdminRpcs.toLayer({
        Row: () => Effect.sync(() => texts.shift() ?? JSON.stringify(row("liar", { ghost: "au" }))),
        Inspect: () => Effect.succeed("{}"),
        Relay: () => new RelayFailed({ reason: "strange", message: "no" }),
      })
      yield* Layer.build(
        PeerRpcServer.layer(AdminRpcs, { service }).pipe(
          Layer.provide([handlers, Layer.succeed(Cluster.Cluster, liar.cluster)]),
        ),
      )
      yield* World.untilPeers(liar, ["a", "b"])
      for (let i = 0; i < 3; i++) {
        yield* Effect.sleep("2 seconds")
        const report = yield* admin("a").cluster()
        assert.deepStrictEqual([answered(report), missing(report)], [["a", "b"], ["liar unreadable"]])
      }
      yield* Effect.sleep("2 seconds")
      // A lie in a valid row shows as a member that nobody reaches.
      const report = yield* admin("a").cluster()
      assert.deepStrictEqual(missing(report), [])
      assert.include(report.verdict.details, "ghost did not answer (noLink)")
      assert.include(yield* Effect.flip(admin("a").node("liar")), { _tag: "NodeUnanswered", reason: "unreadable" })
    }),
  )

  scenario("has the members of another version that do not know a request", (world) =>
    Effect.gen(function* () {
      const { admin, node } = yield* start(world, ["a", "b"])
      const older = yield* world.node("older", { seeds: [node("a").address] })
      const group = RpcGroup.make(Rpc.make("Hello", { success: Schema.String }))
      yield* Layer.build(
        PeerRpcServer.layer(group, { service }).pipe(
          Layer.provide([
            group.toLayer({ Hello: () => Effect.succeed("") }),
            Layer.succeed(Cluster.Cluster, older.cluster),
          ]),
        ),
      )
      yield* World.untilPeers(older, ["a", "b"])
      yield* Effect.sleep("1 second")
      const report = yield* admin("a").cluster()
      assert.deepStrictEqual([answered(report), missing(report)], [["a", "b"], ["older notServing"]])
      assert.include(yield* Effect.flip(admin("a").node("older")), { _tag: "NodeUnanswered", reason: "notServing" })
      assert.strictEqual((yield* admin("a").node("b")).name, "b")
    }),
  )

  scenario("is the same for all who ask at the same time or soon after", (world) =>
    Effect.gen(function* () {
      const { admin } = yield* start(world, ["a", "b"])
      const both = [admin("a").cluster(), admin("a").cluster()] as const
      const [second, third] = yield* Effect.all(both, { concurrency: 2 })
      assert.strictEqual(second, third)
      assert.strictEqual(yield* admin("a").cluster(), second)
      assert.deepStrictEqual(JSON.parse(yield* admin("a").clusterJson()), second)
      yield* Effect.sleep("999 millis")
      assert.strictEqual(yield* admin("a").cluster(), second)
      yield* Effect.sleep("2 millis")
      assert.notStrictEqual(yield* admin("a").cluster(), second)
    }),
  )

  scenario("is complete if its first caller hangs up", (world) =>
    Effect.gen(function* () {
      const { admin } = yield* start(world, ["a", "b"])
      const first = yield* Effect.forkChild(admin("a").cluster())
      yield* Effect.yieldNow
      const second = yield* Effect.forkChild(admin("a").cluster())
      yield* Effect.yieldNow
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(answered(yield* Fiber.join(second)), ["a", "b"])
    }),
  )

  scenario("of each side of a partition shows both parts when the rows are merged", (world, network) =>
    Effect.gen(function* () {
      const { admin } = yield* start(world, ["a", "b", "c", "d"])
      yield* network.partition(["a", "b"], ["c", "d"])
      const suspects = ({ verdict }: Report.ClusterReport) => verdict.sentence.includes("suspects a partition")
      const left = yield* until(admin("a"), suspects)
      assert.strictEqual(left.verdict.sentence, "one cluster of 2, which suspects a partition: c and d lost")
      const right = yield* until(admin("c"), suspects)
      const merged = Verdict.make({
        rows: Report.newest([...Report.rows(left), ...Report.rows(right)]),
        unanswered: [...left.unanswered, ...right.unanswered],
      })
      assert.deepStrictEqual([merged.level, merged.sentence], ["critical", "two parts: a b | c d"])
    }),
  )

  scenario("is a warning of a node that has lost all others, also after they have failed", (world, network) =>
    Effect.gen(function* () {
      const { admin } = yield* start(world, ["a", "b"])
      yield* network.partition(["a"], ["b"])
      const report = yield* until(admin("a"), ({ verdict }) => verdict.sentence === "a reaches no member; b failed")
      assert.strictEqual(report.verdict.level, "warning")
      yield* Effect.sleep("1 minute")
      assert.strictEqual((yield* admin("a").cluster()).verdict.sentence, report.verdict.sentence)
    }),
  )

  scenario("answers for a node that has stopped", (world) =>
    Effect.gen(function* () {
      const { admin, node } = yield* start(world, ["a", "b"])
      yield* node("a").cluster.leave
      const report = yield* admin("a").cluster()
      assert.strictEqual(report.verdict.sentence, "one node, alone; a stopped")
      assert.strictEqual((yield* admin("a").self()).status.phase, "stopped")
      assert.isFalse((yield* admin("a").health).ready.ok)
    }),
  )
})

describe("the report of another node", () => {
  scenario("comes from that node, and is asked for once in a second", (world) =>
    Effect.gen(function* () {
      const { admin } = yield* start(world, ["a", "b"])
      const report = yield* admin("a").node("b")
      assert.deepInclude(report, { name: "b", everLinked: true })
      assert.isNumber(report.peers[0]?.connection?.roundTrip?.medianMillis)
      assert.strictEqual(yield* admin("a").node("b"), report)
      yield* Effect.sleep("2 seconds")
      assert.notStrictEqual(yield* admin("a").node("b"), report)
      assert.strictEqual((yield* admin("a").node("a")).name, "a")
    }),
  )

  scenario("is missing with a reason", (world, network) =>
    Effect.gen(function* () {
      const { admin, node } = yield* start(world, ["a", "b"])
      const unknown = yield* Effect.flip(admin("a").node("bb"))
      assert.deepInclude(unknown, { _tag: "UnknownMember", near: ["b"] })
      assert.include(unknown.message, "did you mean b?")
      const d = yield* world.node("d", { seeds: [node("a").address] })
      yield* World.untilPeers(d, ["a", "b"])
      yield* Effect.sleep("1 second")
      assert.include(yield* Effect.flip(admin("a").node("d")), { _tag: "NodeUnanswered", reason: "notServing" })
      yield* network.partition(["b"], ["a", "d"])
      assert.include(yield* Effect.flip(admin("a").node("b")), { _tag: "NodeUnanswered" })
    }),
  )
})

describe("the metrics of the admin service", () => {
  const measured = Measured.measured((registry) => new MetricReader(registry))

  measured("have the health, the time of questions and the reasons without an answer", (metrics, world) =>
    Effect.gen(function* () {
      const { admin, node } = yield* start(world, ["a", "b"])
      const d = yield* world.node("d", { seeds: [node("a").address] })
      yield* World.untilPeers(d, ["a", "b"])
      yield* Effect.sleep("1 second")
      yield* admin("a").cluster()
      assert.strictEqual(metrics.value("a", "coterie_ready"), 1)
      assert.strictEqual(metrics.value("a", "coterie_started"), 1)
      assert.strictEqual(metrics.value("a", "coterie_admin_cluster_seconds"), 1)
      assert.strictEqual(metrics.value("a", "coterie_admin_unanswered_total", { reason: "notServing" }), 1)
      assert.strictEqual(metrics.value("a", "coterie_admin_event_streams"), 0)
      yield* node("a").cluster.leave
      assert.deepStrictEqual(metrics.find("a", "coterie_ready"), [])
    }),
  )

  measured("are listed in the guide", (metrics, world) =>
    Effect.gen(function* () {
      const { admin } = yield* start(world, ["a"])
      yield* admin("a").cluster()
      const guide = NodeFs.readFileSync(NodePath.join(import.meta.dirname, "../../../docs/metrics.md"), "utf8")
      const section = guide.split(/^## /m).find((part) => part.startsWith("The metrics of the admin service\n")) ?? ""
      const rows = [...section.matchAll(/^\| `(coterie_\w+)` \| (\w+) \|.*$/gm)]
      const atStart = rows.filter(([row]) => !row.includes("A series is present from"))
      const shown = metrics.all().filter(({ id }) => /^coterie_(admin_|ready$|started$)/.test(id))
      assert.sameMembers(
        atStart.map(([, id, type]) => `${id} ${type}`),
        shown.map(({ id, type }) => `${id} ${type.toLowerCase()}`),
      )
      assert.sameMembers(
        rows.filter((row) => !atStart.includes(row)).map(([, id, type]) => `${id} ${type}`),
        ["coterie_admin_requests_total counter", "coterie_admin_unanswered_total counter"],
      )
    }),
  )
})
