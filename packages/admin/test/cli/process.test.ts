/** The command as processes, against nodes on real sockets. */
import * as World from "../../../core/test/cluster/world.ts"
import { CommandOutput } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { bin, coterie, served } from "./command.ts"

describe("the command coterie as a process", () => {
  it.live(
    "prints one JSON document and nothing else",
    () =>
      Effect.gen(function* () {
        const [a, b] = yield* served(["a", "b"])
        const env = { COTERIE_ADMIN_URL: a?.url ?? "" }
        const cases: ReadonlyArray<readonly [ReadonlyArray<string>, Schema.Decoder<unknown>]> = [
          [["members"], CommandOutput.Members],
          [["probe", b?.address ?? "", "--cluster", "test"], CommandOutput.Probe],
        ]
        for (const [args, schema] of cases) {
          const { code, err, out } = yield* coterie([...args, "--json"], { env })
          assert.deepStrictEqual([code, err], [0, ""], out)
          Schema.decodeUnknownSync(Schema.fromJsonString(schema))(out)
        }
      }).pipe(Effect.scoped),
    120_000,
  )

  it.live("follows events until a signal, and exits with 130", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const args = ["events", "--follow", "--json", "--url", a?.url ?? ""]
      const { code, err, out } = yield* coterie(args, { after: "Snapshot", act: "SIGINT" })
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
        act: "close",
        // Another event, which the process prints into the closed pipe.
        and: Effect.ignore(a.cluster.updateMetadata({ zone: "two" })),
      })
      assert.deepStrictEqual([ended.code, ended.err], [0, ""])
    }).pipe(Effect.scoped),
  )

  it.live("colors the output on a terminal, except with NO_COLOR", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      // `script` of util-linux gives the command a terminal.
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
