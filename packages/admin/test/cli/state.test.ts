import { Report } from "@coterie/admin"
import { assert, it } from "@effect/vitest"
import { Cluster } from "@coterie/core/Cluster"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as OwnedMap from "../../../state/src/OwnedMap.ts"
import { inProcess, served } from "./command.ts"

it.live("coterie state shows the components of a node, and one of them in full", () =>
  Effect.gen(function* () {
    const [node] = yield* served(["a"])
    const state = (...args: ReadonlyArray<string>) => inProcess(["state", ...args, "--url", node?.url ?? ""])
    assert.deepStrictEqual(yield* state(), { code: 1, out: "nothing is shared\n", err: "" })
    node?.cluster.components.add({
      kind: "map",
      name: "jobs",
      describe: () => ({
        facts: { ownEntries: 2, ownBytes: 2_048, open: true },
        rows: [
          { peer: "b\u202e", state: "live", at: 0, bytes: 5 },
          { peer: "c", state: "absent", behind: 1 },
        ],
      }),
    })
    node?.cluster.components.add({ kind: "presence", name: "users", describe: () => ({ facts: { keys: 3 } }) })
    assert.strictEqual(
      (yield* state()).out,
      [
        "KIND      NAME   FACTS",
        "map       jobs   ownEntries 2, ownBytes 2.0 KiB, open true",
        "presence  users  keys 3",
        "",
      ].join("\n"),
    )
    assert.strictEqual(
      (yield* state("map", "jobs")).out,
      [
        "map jobs",
        "ownEntries  2",
        "ownBytes    2.0 KiB",
        "open        true",
        "",
        "PEER       STATE   AT                        BYTES  BEHIND",
        "b\\u{202e}  live    1970-01-01T00:00:00.000Z  5 B    -",
        "c          absent  -                         -      1",
        "",
      ].join("\n"),
    )
    assert.strictEqual((yield* state("presence")).out, "KIND      NAME   FACTS\npresence  users  keys 3\n")
    assert.deepStrictEqual(yield* state("presence", "jobs"), { code: 1, out: "there is no presence jobs\n", err: "" })
    assert.strictEqual((yield* state("group")).out, "there is no group\n")
    const { code, out } = yield* state("map", "--json")
    const report = Schema.decodeUnknownSync(Schema.fromJsonString(Report.StateReport))(out)
    assert.deepStrictEqual([code, report.name, report.components.map(({ name }) => name)], [0, "a", ["jobs"]])
    assert.deepStrictEqual(report.components[0]?.rows[1], { peer: "c", state: "absent", behind: 1 })
  }).pipe(Effect.scoped),
)

it.live("coterie state shows all rows of one component that it finds, and says how many a report leaves out", () =>
  Effect.gen(function* () {
    const [node] = yield* served(["a"])
    const lines = (...args: ReadonlyArray<string>) =>
      Effect.map(inProcess(["state", ...args, "--url", node?.url ?? ""]), ({ out }) => out.trimEnd().split("\n"))
    const { rows: bound } = Report.stateBounds
    for (const [name, count] of [
      ["large", bound + 1],
      ["small", 2],
    ] as const) {
      const rows = Array.from({ length: count }, (_, key) => ({ key }))
      node?.cluster.components.add({ kind: "placement", name, describe: () => ({ facts: { keys: count }, rows }) })
    }
    assert.deepStrictEqual(yield* lines("placement"), [
      "KIND       NAME   FACTS",
      `placement  large  keys ${bound + 1}`,
      "placement  small  keys 2",
    ])
    assert.deepStrictEqual(yield* lines("placement", "small"), ["placement small", "keys  2", "", "KEY", "0", "1"])
    const large = yield* lines("placement", "large")
    assert.deepStrictEqual([large.length, large.at(-1)], [4 + bound + 1, "1 more rows are not shown"])
  }).pipe(Effect.scoped),
)

it.live("coterie state shows contents of a map only at a node whose application shows them", () =>
  Effect.gen(function* () {
    const [a, b] = yield* served(["a", "b"])
    const state = (url: string | undefined, ...args: ReadonlyArray<string>) =>
      Effect.map(inProcess(["state", ...args, "--url", url ?? ""]), ({ out }) => out)
    const open = (node: typeof a, showContents: boolean) =>
      node === undefined
        ? Effect.die("there is no node")
        : Effect.provideService(
            OwnedMap.make("jobs", { key: Schema.String, value: Schema.Struct({ token: Schema.String }), showContents }),
            Cluster,
            node.cluster,
          )
    const here = yield* open(a, true)
    const there = yield* open(b, false)
    yield* there.set("import\u202e", { token: "private" })
    while ((yield* here.view).entries.length === 0) yield* Effect.sleep("5 millis")
    assert.strictEqual(
      yield* state(a?.url, "entries", "jobs"),
      [
        "entries jobs",
        "entries  1",
        "",
        "OWNER  KEY             VALUE",
        'b      import\\u{202e}  {"token":"private"}',
        "",
      ].join("\n"),
    )
    assert.include(yield* state(a?.url), "entries  jobs  entries 1")
    const all = [yield* state(b?.url), yield* state(b?.url, "map", "jobs"), yield* state(b?.url, "--json")]
    for (const out of all) {
      assert.include(out, "jobs")
      assert.notInclude(out, "private")
      assert.notInclude(out, "import")
    }
    assert.strictEqual(yield* state(b?.url, "entries", "jobs"), "there is no entries jobs\n")
  }).pipe(Effect.scoped),
)
