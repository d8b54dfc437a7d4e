/** Each metric and label of the alerts and of the dashboard is one of a running node, and the expressions are valid. */
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import { Cluster, Topic } from "@coterie/core"
import { Keyring, NodeTransport } from "@coterie/node-transport"
import { PeerRpcClient, PeerRpcServer } from "@coterie/rpc"
import { OwnedMap, Presence, SharedValue } from "@coterie/state"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Redacted, Schedule, Schema, Stream } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { Work } from "../../work/Work.ts"
import * as DeployFiles from "./DeployFiles.ts"

const limits = { inboxWindowBytes: 16_384, laneWindowBytes: 16_384, slowPeerTimeout: 50 }

/** Runs a node with a secret and an admin service. */
const node = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string> = []) {
  const ClusterLive = Cluster.layer({ cluster: "shop", name, seeds, limits }).pipe(
    Layer.provide(NodeTransport.layerSecret({ port: 0 })),
    Layer.provide(Keyring.layer([Redacted.make("0123456789abcdef0123456789abcdef")])),
  )
  const AdminLive = AdminNode.layer({ port: 0 }).pipe(Layer.provide(Admin.layer()))
  const context = yield* Layer.build(Layer.provideMerge(AdminLive, ClusterLive))
  const cluster = Context.get(context, Cluster.Cluster)
  const [address = ""] = (yield* cluster.self).addresses
  return { cluster, address, url: Context.get(context, AdminNode.AdminServer).url }
})

const untilTrue = <E, R>(what: string, condition: Effect.Effect<boolean, E, R>) =>
  condition.pipe(
    Effect.flatMap((holds) => (holds ? Effect.void : Effect.fail(what))),
    Effect.retry(Schedule.max([Schedule.spaced("50 millis"), Schedule.recurs(300)])),
  )

const Texts = Topic.make("prices", Schema.String)
const Numbers = Topic.make("prices", Schema.Finite)
const Unread = Topic.make("unread", Schema.String)
const Overtaken = Topic.make("overtaken", Schema.String)

/** Runs two nodes in which everything happens that the alerts and the dashboard count. Returns what Prometheus gets. */
const scrape = Effect.gen(function* () {
  const a = yield* node("a")
  const b = yield* node("b", [a.address])
  const on = <A, E, R>(of: typeof a, effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, Cluster.Cluster, of.cluster)

  const prices = yield* on(b, Topic.open(Numbers))
  yield* on(b, Topic.open(Unread))
  yield* on(b, Topic.open(Overtaken, { strategy: "dropping", capacity: 1 }))
  yield* Effect.forkScoped(Stream.runDrain(prices.messages))
  const Handlers = Work.toLayer({ CountPrimes: () => Effect.succeed(0) })
  const Server = PeerRpcServer.layer(Work).pipe(
    Layer.provide(Handlers),
    Layer.provide(Layer.succeed(Cluster.Cluster, b.cluster)),
  )
  yield* Layer.build(Server)

  const metrics = Effect.flatMap(HttpClient.get(`${a.url}/metrics`), (response) => response.text)
  const counts = (name: string) => Effect.map(metrics, (text) => new RegExp(`^${name}\\{`, "m").test(text))
  const publish = (topic: typeof Texts, name: string) =>
    untilTrue(name, Effect.andThen(on(a, topic.publish("not a number".padEnd(8_000))), counts(name)))
  yield* publish(Texts, "coterie_dead_letters_total")
  yield* publish(Overtaken, "coterie_dropped_messages_total")
  yield* publish(Unread, "coterie_skipped_messages_total")

  const ClientLive = PeerRpcClient.layer().pipe(Layer.provideMerge(Layer.succeed(Cluster.Cluster, a.cluster)))
  yield* Effect.flatMap(PeerRpcClient.make(Work, "b"), (client) => client.CountPrimes({ job: 1, below: 10 })).pipe(
    Effect.scoped,
    Effect.provide(ClientLive),
  )
  yield* on(a, OwnedMap.make("jobs", { key: Schema.String, value: Schema.Finite }))
  yield* on(a, Presence.make("users", { value: Schema.Finite }))
  yield* on(a, SharedValue.make("level", { value: Schema.Finite, initial: 0 }))
  yield* a.cluster.inspect({ ping: true })
  yield* HttpClient.get(`${a.url}/v1/cluster`)
  yield* untilTrue("round trips", counts("coterie_link_rtt_seconds_bucket"))
  return yield* metrics
}).pipe(Effect.scoped, Effect.provide([FetchHttpClient.layer, Logger.layer([])]))

/** Returns the labels of each sample of a text for Prometheus, by the name of the sample. */
const samplesOf = (text: string): ReadonlyMap<string, ReadonlyArray<ReadonlyMap<string, string>>> => {
  const samples = new Map<string, Array<ReadonlyMap<string, string>>>()
  for (const [, name = "", labels = ""] of text.matchAll(/^(coterie_\w+)\{(.*)\} \S+$/gm)) {
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = "", value = ""]) => [label, value] as const)
    samples.set(name, [...(samples.get(name) ?? []), new Map(pairs)])
  }
  return samples
}

/** Returns the names of an expression with their matchers, such as `coterie_links` with `state!="up"`. */
const selectorsOf = (expression: string) =>
  [...expression.matchAll(/\b(coterie_\w+)(?:\{([^}]*)\})?/g)].map(([, name = "", inner = ""]) => ({
    name,
    matchers: [...inner.matchAll(/(\w+)(=~|!=|!~|=)"([^"]*)"/g)].map(([, label = "", operator, value]) => ({
      label,
      operator,
      value,
    })),
  }))

/** Returns what an expression selects that no sample has. */
const missingIn = (samples: ReturnType<typeof samplesOf>, expression: string): ReadonlyArray<string> =>
  selectorsOf(expression).flatMap(({ matchers, name }) => {
    const found = samples.get(name)
    if (found === undefined) return [name]
    return matchers.flatMap(({ label, operator, value }) => {
      const values = new Set(found.flatMap((labels) => labels.get(label) ?? []))
      if (values.size === 0) return [`${name}{${label}}`]
      return operator === "=" && !values.has(value ?? "") ? [`${name}{${label}="${value}"}`] : []
    })
  })

/** Labels by which an expression groups, and those that a text shows. */
const labelsOf = (text: string): ReadonlyArray<string> => [
  ...[...text.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/)),
  ...[...text.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label),
  ...[...text.matchAll(/"legendFormat": "([^"]*)"/g)].flatMap(([, legend = ""]) =>
    [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label),
  ),
]

const expressions = () => [...DeployFiles.rules().map(({ expr }) => expr), ...DeployFiles.panelExpressions()]

describe("the alerts and the dashboard", () => {
  it.live(
    "name metrics and labels that a node with a secret, requests and an admin service serves",
    () =>
      Effect.gen(function* () {
        const samples = samplesOf(yield* scrape)
        assert.isAbove(expressions().length, 40)
        const missing = expressions().flatMap((expression) => missingIn(samples, expression))
        assert.deepStrictEqual(missing, [])
        const labels = new Set([...samples.values()].flatMap((found) => found.flatMap((one) => [...one.keys()])))
        const shown = labelsOf(
          [DeployFiles.read("prometheus/rules.yaml"), DeployFiles.read("grafana/dashboard.json")].join("\n"),
        )
        assert.isAbove(shown.length, 40)
        assert.deepStrictEqual(
          [...new Set(shown)].filter((label) => !labels.has(label)),
          [],
        )
        assert.deepStrictEqual(missingIn(samples, `coterie_link{state="up"} + coterie_links{state="gone"}`), [
          "coterie_link",
          `coterie_links{state="gone"}`,
        ])
      }),
    60_000,
  )

  it("are all in the guide, as alerts", () => {
    const page = Fs.readFileSync(Path.join(DeployFiles.root, "docs/deploy.md"), "utf8")
    const rows = [...page.matchAll(/^\| `(Coterie\w+)` \|/gm)].map(([, name]) => name)
    assert.deepStrictEqual(
      rows,
      DeployFiles.rules().map(({ alert }) => alert),
    )
  })
})

describe("the dashboard", () => {
  it("has panels that do not overlap, with a source, a description and an expression each", () => {
    const { panels, templating } = DeployFiles.dashboard()
    assert.deepStrictEqual(
      templating.list.map(({ name }) => name),
      ["datasource", "cluster", "node"],
    )
    assert.strictEqual(new Set(panels.map(({ id }) => id)).size, panels.length)
    const places = new Set<string>()
    for (const { datasource, description, gridPos, targets, title, type } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.isFalse(places.has(`${x} ${y}`), title)
          assert.isBelow(x, 24, title)
          places.add(`${x} ${y}`)
        }
      }
      if (type === "row") continue
      assert.strictEqual(datasource?.uid, "${datasource}", title)
      assert.isNotEmpty(description, title)
      assert.isNotEmpty(targets, title)
      assert.strictEqual(new Set(targets?.map(({ refId }) => refId)).size, targets?.length, title)
    }
  })
})

// `promtool` is a program of Prometheus, which .ci/run installs.
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0

const promtool = (...args: ReadonlyArray<string>) => {
  const { output, status } = spawnSync("promtool", args)
  return { status, text: output.join("") }
}

describe("promtool", () => {
  it.runIf(hasPromtool)("accepts the rules, and each alert fires for its fault", () => {
    const folder = Path.join(DeployFiles.folder, "prometheus")
    const checked = promtool("check", "rules", Path.join(folder, "rules.yaml"))
    assert.include(checked.text, `SUCCESS: ${DeployFiles.rules().length} rules found`)
    const tested = promtool("test", "rules", Path.join(folder, "rules.test.yaml"))
    assert.strictEqual(tested.status, 0, tested.text)
    const text = Fs.readFileSync(Path.join(folder, "rules.test.yaml"), "utf8")
    for (const { alert } of DeployFiles.rules()) assert.include(text, alert)
  })

  it.runIf(hasPromtool)("accepts the expressions of the dashboard", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "coterie-dashboard-"))
    try {
      const file = Path.join(folder, "rules.json")
      const rules = DeployFiles.panelExpressions().map((expr, index) => ({ record: `panel:${index}`, expr }))
      // JSON is YAML.
      Fs.writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }))
      const { text } = promtool("check", "rules", file)
      assert.include(text, `SUCCESS: ${rules.length} rules found`)
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })
})
