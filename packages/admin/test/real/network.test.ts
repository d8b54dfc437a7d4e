/**
 * `coterie cluster` and five processes on a real network whose packets get lost, while a process stands still, and beside
 * processes without the admin service. If the machine allows no network namespaces, the tests are skipped and say why.
 */
import { Report } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Namespaces from "../../../node-transport/test/real/Namespaces.ts"
import * as Fixtures from "../../../node-transport/test/releases/Fixtures.ts"
import * as Child from "../../../../examples/support/Child.ts"
import { inProcess } from "../cli/command.ts"
import * as Nodes from "./Nodes.ts"

const names = ["a", "b", "c", "d", "e"] as const
type Name = (typeof names)[number]

/** Five nodes with links to each other, and a host without a node. */
class Five extends Context.Service<
  Five,
  {
    readonly node: (name: Name) => Nodes.Node
    readonly network: Namespaces.Network
    readonly spare: Namespaces.Host
  }
>()("Five") {}

const five = Effect.gen(function* () {
  const network = yield* Namespaces.make(names.length + 1)
  const folder = yield* Nodes.folder
  // The first one has the same port as the others, so that all can know its address before it runs.
  const seeds = network.hosts.slice(0, 1).map(({ host }) => host)
  const nodes = yield* Effect.forEach(
    names,
    (name, i) => {
      const host = network.hosts[i]
      return host === undefined ? Effect.die("there is no host") : Nodes.start(name, host, { folder, seeds })
    },
    { concurrency: "unbounded" },
  )
  const spare = network.hosts[names.length]
  if (spare === undefined) return yield* Effect.die("there is no host")
  const node = (name: Name) => nodes.find((each) => each.name === name) ?? assert.fail(`there is no ${name}`)
  return { node, network, spare }
})

const layer = Layer.provideMerge(Layer.effect(Five, five), Child.layer)

interface Seen {
  readonly code: number | null
  readonly report: Report.ClusterReport
}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Report.ClusterReport))

/**
 * Runs `coterie cluster` with the URLs of nodes until its answer satisfies the condition. A node that has just started may
 * answer with an error first. The error of a timeout has the last output.
 */
const until = (nodes: ReadonlyArray<Nodes.Node>, expected: (seen: Seen) => boolean): Effect.Effect<Seen> => {
  const args = ["cluster", "--json", ...nodes.flatMap(({ url }) => ["--url", url])]
  let last = ""
  const again: Effect.Effect<Seen> = Effect.gen(function* () {
    const { code, err, out } = yield* inProcess(args)
    last = `exit ${code}: ${out}${err}`
    const report = yield* Effect.option(decode(out))
    const seen = Option.map(report, (value) => ({ code, report: value }))
    if (Option.isSome(seen) && expected(seen.value)) return seen.value
    // Each question goes to all nodes.
    yield* Effect.sleep("300 millis")
    return yield* again
  })
  return Effect.timeoutOrElse(again, {
    duration: "60 seconds",
    orElse: () => Effect.die(new Error(`not the expected answer: ${last}`)),
  })
}

const says =
  (sentence: string) =>
  ({ report }: Seen): boolean =>
    report.verdict.sentence === sentence

const whole = "one cluster of 5; every pair has a link"

/** Waits until all nodes see that every pair has a link. */
const untilWhole = Effect.gen(function* () {
  const { node } = yield* Five
  for (const name of names) {
    const { code } = yield* until([node(name)], says(whole))
    assert.strictEqual(code, 0)
  }
})

/** Runs an effect while the packets between hosts are lost, each time from the first to the second. */
const whileCut = <A, E>(
  network: Namespaces.Network,
  ways: ReadonlyArray<readonly [from: Namespaces.Host, to: Namespaces.Host]>,
  use: Effect.Effect<A, E>,
) =>
  Effect.acquireUseRelease(
    Effect.forEach(ways, ([from, to]) => network.cut(from, to)),
    () => use,
    () => Effect.forEach(ways, ([from, to]) => network.mend(from, to)),
  )

const answered = ({ report }: Seen) => report.rows.map(({ name }) => name).sort()

describe.skipIf(Namespaces.missing !== undefined)("coterie cluster", () => {
  if (Namespaces.missing !== undefined) console.warn(`not tested: coterie cluster on a network: ${Namespaces.missing}`)

  it.layer(layer, { timeout: "2 minutes", excludeTestServices: true })((it) => {
    it.effect(
      "names the two nodes whose packets to each other are lost, at each of them, too, and exits with 1 until they have a link again",
      () =>
        Effect.gen(function* () {
          yield* untilWhole
          const { network, node } = yield* Five
          const [c, d] = [node("c"), node("d")]
          const bothWays = [
            [c.host, d.host],
            [d.host, c.host],
          ] as const
          // c and d ask each other through a third node.
          const asked = Effect.forEach([node("a"), c, d], (each) =>
            Effect.gen(function* () {
              const seen = yield* until([each], says("one cluster of 5; c and d do not reach each other"))
              assert.deepStrictEqual(
                [seen.code, answered(seen), seen.report.unanswered],
                [1, [...names], []],
                each.name,
              )
            }),
          )
          yield* whileCut(network, bothWays, asked)
          yield* untilWhole
        }),
      120_000,
    )

    it.effect(
      "names the two nodes of which one does not receive the packets of the other",
      () =>
        Effect.gen(function* () {
          const { network, node } = yield* Five
          const [b, e] = [node("b"), node("e")]
          const asked = Effect.forEach([node("a"), b, e], (each) =>
            Effect.map(until([each], says("one cluster of 5; b and e do not reach each other")), ({ code }) =>
              assert.strictEqual(code, 1, each.name),
            ),
          )
          yield* whileCut(network, [[b.host, e.host]], asked)
          yield* untilWhole
        }),
      120_000,
    )

    it.effect(
      "names a node that stands still",
      () =>
        Effect.gen(function* () {
          const { node } = yield* Five
          const { freeze, thaw } = node("e")
          const asked = Effect.gen(function* () {
            const seen = yield* until([node("a")], ({ report }) => report.verdict.sentence.endsWith("; e suspected"))
            assert.strictEqual(seen.code, 1)
            assert.match(seen.report.verdict.details.join("\n"), /^e did not answer \((timeout|lost|noLink)\)$/m)
            assert.deepStrictEqual(answered(seen), ["a", "b", "c", "d"])
          })
          yield* Effect.acquireUseRelease(
            freeze,
            () => asked,
            () => thaw,
          )
          yield* untilWhole
        }),
      120_000,
    )

    it.effect(
      "shows two parts if it asks a node on each side of a partition, and all nodes stay ready",
      () =>
        Effect.gen(function* () {
          const { network, node } = yield* Five
          const across = (["a", "b"] as const).flatMap((left) =>
            (["c", "d", "e"] as const).flatMap((right) => [
              [node(left).host, node(right).host] as const,
              [node(right).host, node(left).host] as const,
            ]),
          )
          const asked = Effect.gen(function* () {
            const { code, report } = yield* until([node("a"), node("c")], says("two parts: a b | c d e"))
            assert.deepStrictEqual([code, report.verdict.level], [1, "critical"])
            const half = yield* until(
              [node("a")],
              says("one cluster of 2, which suspects a partition: c, d and e lost"),
            )
            assert.deepStrictEqual([half.code, half.report.verdict.level], [1, "critical"])
            for (const name of names) {
              for (const check of ["live", "ready"]) {
                const { code, out } = yield* inProcess(["health", check, "--url", node(name).url])
                assert.strictEqual(code, 0, `${name}: ${out}`)
              }
            }
          })
          yield* whileCut(network, across, asked)
          yield* untilWhole
        }),
      120_000,
    )

    it.effect(
      "lists a node without the admin service, and a node of an earlier release without one, and names the node that they do not reach",
      () =>
        Effect.gen(function* () {
          const { network, node, spare } = yield* Five
          const service = path.join(import.meta.dirname, "../../../../examples/service.ts")
          const [version = ""] = Fixtures.versions
          const earlier = path.join(path.dirname(yield* Fixtures.unpack(version)), "service.ts")
          fs.copyFileSync(service, earlier)
          const options = { COTERIE_INSECURE: "true", COTERIE_SEEDS: node("a").address }
          yield* Effect.all(
            [
              Nodes.spawn(service, spare, { COTERIE_NAME: "plain", COTERIE_PORT: "0", ...options }),
              Nodes.spawn(earlier, spare, { COTERIE_NAME: "earlier", COTERIE_PORT: "0", ...options }),
            ],
            { concurrency: "unbounded" },
          )
          const seen = yield* until([node("c")], says("one cluster of 7; 2 did not answer"))
          assert.deepStrictEqual([seen.code, answered(seen)], [1, [...names]])
          assert.includeMembers(
            [...seen.report.verdict.details],
            ["plain did not answer (notServing)", "earlier did not answer (notServing)"],
          )
          const apart = until([node("a")], says("one cluster of 7; c is not reached by earlier and plain"))
          yield* whileCut(network, [[spare, node("c").host]], apart)
        }),
      120_000,
    )
  })
})
