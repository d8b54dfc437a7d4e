/** The command as processes, against nodes on real sockets. */
import * as World from "../../../core/test/cluster/world.ts"
import { CommandOutput, Report } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { bin, coterie, served } from "./command.ts"

type Row = readonly [args: ReadonlyArray<string>, schema: Schema.Decoder<unknown>, code: number]

/** Each subcommand with the schema of its document and its exit code, in an order in which they do not disturb each other. */
const documents = (address: string): ReadonlyArray<Row> => [
  [["members"], CommandOutput.Members, 0],
  [["info"], Report.NodeReport, 0],
  [["info", "b"], Report.NodeReport, 0],
  [["wait", "--one"], CommandOutput.Wait, 0],
  [["cluster"], Report.ClusterReport, 0],
  [["reachability"], CommandOutput.Reachability, 0],
  [["rtt"], CommandOutput.RoundTrips, 0],
  [["rtt", "a", "b"], CommandOutput.RoundTrips, 0],
  [["events"], CommandOutput.Events, 0],
  [["health"], CommandOutput.Health, 0],
  [["join", address], CommandOutput.Join, 0],
  [["metadata", "set", "zone=one"], CommandOutput.Metadata, 0],
  [["metadata", "get"], CommandOutput.Metadata, 0],
  [["probe", address], CommandOutput.Probe, 1],
  [["probe", address, "--cluster", "test"], CommandOutput.Probe, 0],
  [["disconnect", "c"], CommandOutput.Disconnect, 0],
  [["leave", "--wait"], CommandOutput.Leave, 0],
]

describe("the command coterie as a process", () => {
  it.live(
    "prints one JSON document of its schema for each subcommand, and nothing else",
    () =>
      Effect.gen(function* () {
        const [a, b] = yield* served(["a", "b", "c"])
        const env = { COTERIE_ADMIN_URL: a?.url ?? "" }
        for (const [args, schema, code] of documents(b?.address ?? "")) {
          const ended = yield* coterie([...args, "--json"], { env })
          const call = `${args.join(" ")}: ${ended.out}${ended.err}`
          assert.strictEqual(ended.code, code, call)
          if (args[0] !== "wait") assert.strictEqual(ended.err, "", call)
          assert.strictEqual(ended.out.trimEnd().split("\n").length, 1, call)
          const document: unknown = JSON.parse(ended.out)
          assert.deepInclude(document, { schema: 1 }, call)
          Schema.decodeUnknownSync(schema)(document)
        }
      }).pipe(Effect.scoped),
    120_000,
  )

  it.live("follows events until a signal, and exits with 130", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const args = ["events", "--follow", "--json", "--url", a?.url ?? ""]
      const { code, err, out } = yield* coterie(args, { after: "Snapshot", then: "SIGINT" })
      assert.deepStrictEqual([code, err], [130, ""])
      const [first] = out.split("\n")
      const event = Schema.decodeUnknownSync(Schema.fromJsonString(CommandOutput.Event))(first)
      assert.strictEqual(event.event, "Snapshot")
    }).pipe(Effect.scoped),
  )

  it.live("ends without an error when the reader of its output closes the pipe", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      if (a === undefined) return assert.fail("there is no node")
      const args = ["events", "--follow", "--url", a.url]
      const ended = yield* coterie(args, {
        after: "Snapshot",
        then: "close",
        // Another event, which the process prints into the closed pipe.
        and: Effect.ignore(a.cluster.updateMetadata({ zone: "two" })),
      })
      assert.deepStrictEqual([ended.code, ended.err], [0, ""])
    }).pipe(Effect.scoped),
  )

  it.live("colors the output on a terminal, except with NO_COLOR", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const program = [
        "script",
        "-qec",
        `"${process.execPath}" "${bin}" health --url ${a?.url ?? ""}`,
        "/dev/null",
      ] as const
      const colored = yield* coterie([], { program, env: { TERM: "xterm" } })
      assert.include(colored.out, "\u001b[32mok\u001b[0m")
      const plain = yield* coterie([], { program, env: { TERM: "xterm", NO_COLOR: "1" } })
      assert.include(plain.out, "ok  ready:")
      assert.notInclude(plain.out, "\u001b[3")
    }).pipe(Effect.scoped),
  )

  it.live("exits with 3 and one sentence if nothing answers", () =>
    Effect.map(coterie(["members", "--url", "http://127.0.0.1:9"]), ({ code, err, out }) => {
      assert.deepStrictEqual([code, out], [3, ""])
      assert.strictEqual(
        err,
        "coterie: no admin service answers at http://127.0.0.1:9; is it running, and is the port right? " +
          "(--url, COTERIE_ADMIN_URL)\n",
      )
    }),
  )

  it.live("waits until a node has joined", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      if (a === undefined) return assert.fail("there is no node")
      const args = ["wait", "--members", "2", "--timeout", "2m", "--url", a.url]
      const program = [process.execPath, bin] as const
      const world = yield* World.tcp
      const [ended] = yield* Effect.all([coterie(args, { program }), world.node("b", { seeds: [a.address] })], {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual([ended.code, ended.out], [0, "2 of 2 members\n"])
    }).pipe(Effect.scoped),
  )
})
